#include "infra/memory/memory_log.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

namespace tidemark::infra {

using consumers::AppendDone;
using consumers::AppendResult;
using consumers::AppendStatus;
using events::BlockPtr;

FaultScript random_faults(std::uint64_t seed, FaultRates rates) {
    return [random = std::mt19937_64(seed), rates](std::uint64_t, events::Partition) mutable {
        std::uniform_real_distribution<double> dice(0, 1);
        Fault fault;
        double thrown = dice(random);
        const auto falls = [&thrown](double chance) { return (thrown -= chance) < 0; };
        if (falls(rates.lost)) {
            fault.fate = Fate::lost;
        } else if (falls(rates.unreported)) {
            fault.fate = Fate::unreported;
        } else if (falls(rates.late)) {
            fault.fate = Fate::late;
        } else if (falls(rates.doubled)) {
            fault.fate = Fate::doubled;
        } else if (falls(rates.overtaken)) {
            fault.fate = Fate::overtaken;
        }
        if (dice(random) < rates.delayed) {
            std::uniform_int_distribution<std::chrono::microseconds::rep> length(0, rates.longest_delay.count());
            fault.delay = std::chrono::microseconds(length(random));
            fault.let_next_pass = dice(random) < rates.let_next_pass;
        }
        return fault;
    };
}

namespace {

// One partition: what landed, and what of it counts.
struct Lane {
    events::ChainFold chain;
    std::vector<BlockPtr> messages;
    std::vector<BlockPtr> counted;
    std::vector<BlockPtr> late;  // land behind the next one
    std::uint64_t strangers = 0;
};

struct Group {
    std::vector<BlockPtr> blocks;
    std::vector<Fault> faults;
    AppendDone done;
    std::vector<AppendResult> results;  // filled when it has landed
    [[nodiscard]] bool landed() const { return !results.empty() || blocks.empty(); }
};

bool share_a_partition(const Group& one, const Group& other) {
    return std::ranges::any_of(one.blocks, [&](const BlockPtr& block) {
        return std::ranges::any_of(
            other.blocks, [&](const BlockPtr& its) { return its->header().partition == block->header().partition; });
    });
}

// The barrier of an owner that nobody here knows, at the end of the chain.
BlockPtr stranger_at(const events::ChainFold& chain, const consumers::LogIdentity& identity,
                     events::Partition partition, std::uint64_t which) {
    events::BlockHeader header;
    header.log_id = identity.id;
    header.incarnation = identity.incarnation;
    header.partition = partition;
    header.number = chain.tip().next_number;
    header.first_sequence = chain.tip().next_sequence;
    header.owner_epoch = chain.tip().owner_epoch + 1;
    header.owner.bytes.fill(0xee);
    header.owner.bytes[15] = static_cast<std::uint8_t>(which);
    header.tree_size = chain.edge().size();
    header.root = chain.edge().root();
    header.previous = chain.tip().digest;
    events::BlockBuilder builder;
    return builder.seal(std::move(header));
}

}  // namespace

struct MemoryLog::Impl {
    explicit Impl(MemoryLogOptions options)
        : identity{options.id, options.incarnation, options.partitions}, faults(std::move(options.faults)) {
        for (events::Partition p = 0; p < identity.partitions; ++p) {
            lanes.push_back({events::ChainFold(identity.id, p), {}, {}, {}});
        }
        if (faults) {
            worker = std::jthread([this](const std::stop_token& stop) { land_behind(stop); });
        }
    }

    AppendResult land_one(const BlockPtr& block, Fate fate);
    std::expected<events::Verdict, events::Damage> put(Lane& lane, const BlockPtr& block);
    void land(Group& group);
    void land_here(std::unique_lock<std::mutex>& lock);
    void land_behind(const std::stop_token& stop);
    void wait_out_delay(std::unique_lock<std::mutex>& lock, Group& group, const std::stop_token& stop);

    const consumers::LogIdentity identity;
    FaultScript faults;
    std::mutex mutex;
    std::condition_variable_any queued;   // for the worker
    std::condition_variable_any counted;  // for waiters
    std::vector<Lane> lanes;
    std::deque<std::unique_ptr<Group>> groups;  // not reported yet, in the order of the appends
    std::uint64_t appended = 0;
    std::uint64_t version = 0;
    std::uint64_t interrupts = 0;
    bool held = false;
    bool landing = false;  // somebody is reporting, and will see what comes meanwhile
    std::jthread worker;
};

// Lands a message; the chain rule says whether it counts. A damaged one is kept out: no reader could go on behind it.
std::expected<events::Verdict, events::Damage> MemoryLog::Impl::put(Lane& lane, const BlockPtr& block) {
    const bool hashed = block->leaf_hashes().size() == block->header().count;
    const auto verdict = lane.chain.fold(*block, hashed ? events::Verify::headers : events::Verify::records);
    if (!verdict) {
        return verdict;
    }
    lane.messages.push_back(block);
    if (*verdict == events::Verdict::counts) {
        lane.counted.push_back(block);
        ++version;
    }
    return verdict;
}

AppendResult MemoryLog::Impl::land_one(const BlockPtr& block, Fate fate) {
    const auto lost = [](const char* what) {
        return AppendResult{AppendStatus::unknown, std::make_error_code(std::errc::timed_out), what};
    };
    if (block->header().partition >= lanes.size()) {
        return {AppendStatus::unknown, std::make_error_code(std::errc::invalid_argument),
                "the log has no such partition"};
    }
    Lane& lane = lanes[block->header().partition];
    if (fate == Fate::lost) {
        return lost("the append timed out");
    }
    if (fate == Fate::late) {
        lane.late.push_back(block);
        return lost("the append timed out; it is still on its way");
    }
    if (fate == Fate::overtaken) {
        const BlockPtr stranger = stranger_at(lane.chain, identity, block->header().partition, ++lane.strangers);
        if (const auto verdict = put(lane, stranger); !verdict) {
            return {AppendStatus::unknown, std::make_error_code(std::errc::io_error), verdict.error().what};
        }
    }
    const auto verdict = put(lane, block);
    if (!verdict) {
        return {AppendStatus::unknown, std::make_error_code(std::errc::invalid_argument), verdict.error().what};
    }
    std::vector<BlockPtr> behind = std::exchange(lane.late, {});
    if (fate == Fate::doubled) {
        behind.push_back(block);
    }
    for (const BlockPtr& other : behind) {
        if (const auto also = put(lane, other); !also) {
            return {AppendStatus::unknown, std::make_error_code(std::errc::io_error), also.error().what};
        }
    }
    if (fate == Fate::unreported) {
        return lost("the append timed out after it had been sent");
    }
    return {*verdict == events::Verdict::counts ? AppendStatus::counted : AppendStatus::superseded, {}, {}};
}

void MemoryLog::Impl::land(Group& group) {
    for (std::size_t i = 0; i < group.blocks.size(); ++i) {
        group.results.push_back(land_one(group.blocks[i], group.faults.empty() ? Fate::lands : group.faults[i].fate));
    }
    counted.notify_all();
}

// Lands and reports on the caller's thread. Whoever appends from within a report finds `landing` set,
// and its group is landed by the loop that is already running: the order of the appends is kept.
void MemoryLog::Impl::land_here(std::unique_lock<std::mutex>& lock) {
    if (landing) {
        return;
    }
    landing = true;
    while (!groups.empty() && !held) {
        const std::unique_ptr<Group> group = std::move(groups.front());
        groups.pop_front();
        land(*group);
        lock.unlock();
        group->done(std::move(group->results));
        lock.lock();
    }
    landing = false;
}

void MemoryLog::Impl::wait_out_delay(std::unique_lock<std::mutex>& lock, Group& group, const std::stop_token& stop) {
    std::chrono::microseconds delay{0};
    bool let_pass = false;
    for (const Fault& fault : group.faults) {
        delay = std::max(delay, fault.delay);
        let_pass = let_pass || fault.let_next_pass;
    }
    if (delay.count() == 0) {
        return;
    }
    const auto someone_passes = [&] { return let_pass && groups.size() > 1; };
    queued.wait_for(lock, stop, delay, someone_passes);
    if (someone_passes() && !groups[1]->landed() && !share_a_partition(group, *groups[1])) {
        land(*groups[1]);
    }
}

void MemoryLog::Impl::land_behind(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    for (;;) {
        queued.wait(lock, stop, [this] { return !groups.empty() && !held; });
        if (groups.empty()) {
            return;  // asked to stop, and nothing is under way any more
        }
        Group& group = *groups.front();
        if (!group.landed()) {
            wait_out_delay(lock, group, stop);
            land(group);
        }
        const std::unique_ptr<Group> finished = std::move(groups.front());
        groups.pop_front();
        lock.unlock();
        finished->done(std::move(finished->results));
        lock.lock();
    }
}

MemoryLog::MemoryLog(MemoryLogOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

MemoryLog::~MemoryLog() {
    release();
    if (impl_->worker.joinable()) {
        impl_->worker.request_stop();
        impl_->worker.join();
    }
}

const consumers::LogIdentity& MemoryLog::identity() const {
    return impl_->identity;
}

consumers::Log::End MemoryLog::end(events::Partition partition) {
    const std::scoped_lock lock(impl_->mutex);
    const Lane& lane = impl_->lanes.at(partition);
    return {lane.chain.tip(), lane.chain.edge()};
}

void MemoryLog::append(std::vector<BlockPtr> blocks, AppendDone done) {
    std::unique_lock lock(impl_->mutex);
    auto group = std::make_unique<Group>();
    group->blocks = std::move(blocks);
    group->done = std::move(done);
    const std::uint64_t number = impl_->appended++;
    if (impl_->faults) {
        for (const BlockPtr& block : group->blocks) {
            group->faults.push_back(impl_->faults(number, block->header().partition));
        }
    }
    impl_->groups.push_back(std::move(group));
    if (impl_->worker.joinable()) {
        impl_->queued.notify_all();
    } else {
        impl_->land_here(lock);
    }
}

std::expected<std::vector<BlockPtr>, std::string> MemoryLog::read(events::Partition partition, events::Sequence from,
                                                                  std::size_t max_bytes) {
    if (partition >= impl_->identity.partitions) {
        return std::unexpected("the log has no partition " + std::to_string(partition));
    }
    const std::scoped_lock lock(impl_->mutex);
    const std::vector<BlockPtr>& counted = impl_->lanes[partition].counted;
    auto at = std::ranges::lower_bound(counted, from, {},
                                       [](const BlockPtr& block) { return block->header().first_sequence; });
    if (at != counted.begin() && (*std::prev(at))->next_sequence() > from) {
        --at;
    }
    std::vector<BlockPtr> found;
    std::size_t bytes = 0;
    bool records = false;
    for (; at != counted.end(); ++at) {
        bytes += (*at)->stored().size();
        if (records && bytes > max_bytes) {
            break;
        }
        records = records || (*at)->size() > 0;
        found.push_back(*at);
    }
    return found;
}

std::uint64_t MemoryLog::wait(std::uint64_t seen, std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(impl_->mutex);
    const std::uint64_t interrupts = impl_->interrupts;
    impl_->counted.wait_until(lock, deadline, [&] { return impl_->version > seen || impl_->interrupts != interrupts; });
    return impl_->version;
}

void MemoryLog::interrupt() {
    const std::scoped_lock lock(impl_->mutex);
    ++impl_->interrupts;
    impl_->counted.notify_all();
}

void MemoryLog::hold() {
    const std::scoped_lock lock(impl_->mutex);
    impl_->held = true;
}

void MemoryLog::release() {
    std::unique_lock lock(impl_->mutex);
    impl_->held = false;
    if (impl_->worker.joinable()) {
        impl_->queued.notify_all();
    } else {
        impl_->land_here(lock);
    }
}

std::vector<BlockPtr> MemoryLog::messages(events::Partition partition) {
    const std::scoped_lock lock(impl_->mutex);
    return impl_->lanes.at(partition).messages;
}

}  // namespace tidemark::infra
