// check_store(): one scan of the log that verifies the log and gathers what the derived stores should hold.
#include "consumers/derived/check_streams.hpp"
#include "consumers/derived/check_tiles.hpp"
#include "consumers/derived/derived_stores.hpp"

namespace tidemark::consumers {
namespace {

constexpr std::size_t read_bytes = 4u << 20;

std::string in_partition(events::Partition partition) {
    return "partition " + std::to_string(partition);
}

std::string place_of(events::Position position) {
    return "record " + std::to_string(position.sequence) + " of " + in_partition(position.partition);
}

class StoreCheck {
public:
    StoreCheck(Log& log, KvStore& store, const OnProgress& progress)
        : log_(log), progress_(progress), store_(store.snapshot()) {}

    CheckReport run();

private:
    struct Ends {
        events::Sequence log = 0;
        Place derived;
    };
    // Where the records of a command stand: together, and in order.
    struct Command {
        std::string id;
        std::uint16_t index = 0;
        std::uint16_t count = 1;
    };

    [[nodiscard]] Ends ends_of(events::Partition partition);
    [[nodiscard]] bool scan(events::Partition partition, const Ends& ends);
    [[nodiscard]] bool check_block(const events::Block& block, events::ChainFold& chain, const Ends& ends,
                                   TileCheck& tiles);
    void check_record(const events::RecordView& record, events::Position position, const Ends& ends);
    void check_command(const events::RecordHeader& header, events::Position position);
    void check_place(events::Partition partition, const events::Tip& tip, const Place& place);

    Log& log_;
    const OnProgress& progress_;
    std::unique_ptr<KvSnapshot> store_;  // taken before the log is read: everything in it has its record there
    Faults faults_;
    SequenceRows index_{*store_, DerivedTable::streams, "stream index row", faults_};
    SequenceRows outcomes_{*store_, DerivedTable::outcomes, "outcome", faults_};
    StreamCheck streams_{*store_, faults_};
    CheckReport report_;
    std::uint64_t total_ = 0;
    events::Micros recorded_at_ = 0;  // of the record before
    Command command_;
};

CheckReport StoreCheck::run() {
    const std::uint32_t partitions = log_.identity().partitions;
    std::vector<Ends> ends;
    for (events::Partition partition = 0; partition < partitions; ++partition) {
        ends.push_back(ends_of(partition));
        total_ += ends.back().log;
    }
    bool whole = true;
    for (events::Partition partition = 0; partition < partitions; ++partition) {
        whole = scan(partition, ends[partition]) && whole;
    }
    if (whole) {
        index_.check_count();
        outcomes_.check_count();
        streams_.check_counts();
    } else {
        faults_.add("the log could not be read to its end, so that derived rows behind the damage were not compared");
    }
    report_.streams = streams_.streams();
    report_.faults = faults_.take();
    return std::move(report_);
}

StoreCheck::Ends StoreCheck::ends_of(events::Partition partition) {
    Ends ends{.log = log_.tip(partition).next_sequence, .derived = {}};
    const auto row = get_row(*store_, DerivedTable::meta, place_key(partition), faults_);
    if (!row) return ends;
    if (const auto place = Place::decode(*row)) {
        ends.derived = *place;
    } else {
        faults_.add("the derived stores' place in " + in_partition(partition) + " cannot be read");
    }
    return ends;
}

// False: the log is damaged here, and was not read further.
bool StoreCheck::scan(events::Partition partition, const Ends& ends) {
    events::ChainFold chain(log_.identity().id, partition);
    TileCheck tiles(*store_, partition, ends.derived.next_sequence, faults_);
    recorded_at_ = 0;
    command_ = {};
    for (bool more = true; more;) {
        more = false;
        const auto blocks = log_.read(partition, chain.tip().next_sequence, read_bytes);
        if (!blocks) {
            faults_.add(in_partition(partition) + ": " + blocks.error());
            return false;
        }
        for (const events::BlockPtr& block : *blocks) {
            if (block->header().number < chain.tip().next_number) continue;  // a barrier that was read before
            more = true;
            if (!check_block(*block, chain, ends, tiles)) return false;
            if (block->header().number + 1 == ends.derived.next_number)
                check_place(partition, chain.tip(), ends.derived);
        }
        if (progress_) progress_({report_.records, std::max(total_, report_.records)});
    }
    if (chain.tip().next_sequence < ends.log) {
        faults_.add(in_partition(partition) + " gives records up to " + std::to_string(chain.tip().next_sequence) +
                    ", and says that it ends at " + std::to_string(ends.log));
        return false;
    }
    if (chain.tip().next_number < ends.derived.next_number) {
        faults_.add(in_partition(partition) + " ends at block " + std::to_string(chain.tip().next_number) +
                    ", before block " + std::to_string(ends.derived.next_number) + " that the derived stores followed");
    }
    tiles.finish();
    streams_.end_partition();
    return true;
}

bool StoreCheck::check_block(const events::Block& block, events::ChainFold& chain, const Ends& ends, TileCheck& tiles) {
    const events::Partition partition = block.header().partition;
    const auto verdict = chain.fold(block, events::Verify::records);
    if (!verdict) {
        faults_.add(verdict.error().what);
        return false;
    }
    if (*verdict == events::Verdict::ignored) {
        faults_.add(in_partition(partition) + ", block " + std::to_string(block.header().number) +
                    ": it does not name the block before it");
        return false;
    }
    ++report_.blocks;
    for (std::size_t i = 0; i < block.size(); ++i) {
        const events::Position position{partition, block.header().first_sequence + i};
        tiles.append(events::leaf_hash(block.record(i)));
        ++report_.records;
        if (const auto record = events::decode_record(block.record(i))) {
            check_record(*record, position, ends);
        } else {
            faults_.add(place_of(position) + ": " + record.error().what);
        }
    }
    return true;
}

void StoreCheck::check_record(const events::RecordView& record, events::Position position, const Ends& ends) {
    const events::RecordHeader& header = record.header;
    const auto where = [&] { return place_of(position); };
    if (header.partition != position.partition || header.sequence != position.sequence) {
        faults_.add(where() + " says that it is record " + std::to_string(header.sequence) + " of " +
                    in_partition(header.partition));
    }
    const auto home =
        events::partition_of(header.tenant, header.stream_kind, header.stream_id, log_.identity().partitions);
    if (home != position.partition) faults_.add(where() + " is of a stream that belongs to " + in_partition(home));
    if (header.recorded_at < recorded_at_) faults_.add(where() + " was recorded before the one before it");
    recorded_at_ = header.recorded_at;
    check_command(header, position);
    if (header.kind == events::RecordKind::control)
        return faults_.add(where() + " is of a level that is not known here");

    const Followed followed = position.sequence < ends.derived.next_sequence ? Followed::yes : Followed::no;
    const events::Key128 stream = events::stream_key(header.tenant, header.stream_kind, header.stream_id);
    if (header.index == 0) outcomes_.expect(events::command_key(stream, header.command_id), 0, position, followed);
    if (header.kind == events::RecordKind::event) index_.expect(stream, header.version, position, followed);
    streams_.follow(record, stream, followed);
}

void StoreCheck::check_command(const events::RecordHeader& header, events::Position position) {
    const bool goes_on = command_.index + 1 < command_.count;
    const bool fits = goes_on ? header.command_id == command_.id && header.index == command_.index + 1 &&
                                    header.count == command_.count
                              : header.index == 0;
    if (!fits) faults_.add(place_of(position) + " tears the records of a command apart");
    command_.id = header.command_id;
    command_.index = header.index;
    command_.count = header.count;
}

void StoreCheck::check_place(events::Partition partition, const events::Tip& tip, const Place& place) {
    if (tip.digest != place.digest || tip.next_sequence != place.next_sequence) {
        faults_.add(in_partition(partition) + ", block " + std::to_string(place.next_number - 1) +
                    ": the derived stores followed another block than the log has");
    }
}

}  // namespace

CheckReport check_store(Log& log, KvStore& store, const OnProgress& progress) {
    return StoreCheck(log, store, progress).run();
}

}  // namespace tidemark::consumers
