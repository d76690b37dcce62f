#include "consumers/projector/shard_worker.hpp"

#include "consumers/projector/failures.hpp"

#include <algorithm>

namespace tidemark::consumers {

namespace {

constexpr std::size_t read_bytes = 4u << 20;         // of one partition at a time
constexpr std::size_t large_batch_bytes = 8u << 20;  // finished files cost less than journal, memory and flush
constexpr int folding_per_writing = 9;  // times as long as a commit takes goes into folding before the next one

}  // namespace

ShardWorker::ShardWorker(Log& log, const Catalogue& catalogue, std::uint32_t shard, BatchLimits limits,
                         std::function<void(const Folds&)> on_commit)
    : log_(log), catalogue_(catalogue), shard_(shard), limits_(limits), on_commit_(std::move(on_commit)) {}

std::size_t ShardWorker::step(const std::stop_token& stop) {
    std::size_t done = 0;
    for (events::Partition p = 0; p < log_.identity().partitions && !stop.stop_requested(); ++p) {
        if (projections::shard_of(p) == shard_) done += fold_partition(p);
    }
    return done;
}

// Of the views that go on; nullptr: none does.
const FoldPlace* ShardWorker::least_place(events::Partition partition) const {
    const FoldPlace* least = nullptr;
    for (const auto& fold : folds_) {
        const auto& place = fold->place(partition);
        if (!fold->failure() && (!least || place.next_block < least->next_block)) least = &place;
    }
    return least;
}

std::size_t ShardWorker::fold_partition(events::Partition partition) {
    const auto* least = least_place(partition);
    if (!least) return 0;
    const auto from = *least;
    if (log_.tip(partition).next_number <= from.next_block) return 0;

    const auto blocks = log_.read(partition, from.next_sequence, read_bytes);
    if (!blocks) throw LogRefused(blocks.error());
    std::size_t done = 0;
    auto next = from.next_block;
    for (const auto& block : *blocks) {
        if (block->header().number < next) continue;  // a barrier that has been folded
        if (block->header().number != next++) break;
        fold_block(*block);
        done += block->size() + 1;
        if (batch_is_full()) commit();
    }
    if (done == 0) {
        throw LogRefused("the log lacks block " + std::to_string(from.next_block) + " of partition " +
                         std::to_string(partition));
    }
    count_folded();
    return done;
}

void ShardWorker::fold_block(const events::Block& block) {
    takers_.clear();
    for (const auto& fold : folds_) {
        if (fold->takes(block)) takers_.push_back(fold.get());
    }
    if (uncommitted_ == 0) batch_began_ = std::chrono::steady_clock::now();
    uncommitted_ += block.size() + 1;
    for (std::size_t i = 0; i < block.size() && !takers_.empty(); ++i) {
        const auto record = events::decode_record(block.record(i));
        if (!record) throw LogRefused("a record that counts cannot be read: " + record.error().what);
        if (record->header.kind == events::RecordKind::control) {
            throw LogRefused("the log has been raised to a level that this program does not know: run a newer one");
        }
        const auto payload = events::decode_payload(*record);
        std::erase_if(takers_, [&](ViewFold* fold) { return !fold->fold(record->header, payload); });
    }
    for (auto* fold : takers_) fold->pass(block);
}

void ShardWorker::commit() {
    const auto began = std::chrono::steady_clock::now();
    uncommitted_ = 0;
    KvBatch batch;
    batch.reserve(last_ops_, last_bytes_);
    for (const auto& fold : folds_) fold->write_to(batch);
    if (batch.empty()) return;
    last_ops_ = batch.size();
    last_bytes_ = batch.bytes();
    const bool large = limits_.bulk || batch.bytes() >= large_batch_bytes;
    large ? catalogue_.write_bulk(std::move(batch)) : catalogue_.write(std::move(batch));
    for (const auto& fold : folds_) fold->written();
    trim_caches();
    on_commit_(folds_);
    last_commit_ = std::chrono::steady_clock::now();
    commit_took_ = last_commit_ - began;
}

std::chrono::steady_clock::time_point ShardWorker::commit_due(bool hurried) const {
    return std::min(last_commit_ + (hurried ? 1 : folding_per_writing) * commit_took_, batch_began_ + limits_.time);
}

void ShardWorker::rewind() {
    uncommitted_ = 0;
    for (const auto& fold : folds_) fold->rewind();
    on_commit_(folds_);
}

void ShardWorker::adopt(std::unique_ptr<ViewFold> fold) {
    folds_.push_back(std::move(fold));
    on_commit_(folds_);
}

std::unique_ptr<ViewFold> ShardWorker::release(ViewColour which) {
    const auto found =
        std::find_if(folds_.begin(), folds_.end(), [&](const auto& fold) { return fold->which() == which; });
    if (found == folds_.end()) return nullptr;
    auto fold = std::move(*found);
    folds_.erase(found);
    return fold;
}

ViewFold* ShardWorker::find(ViewColour which) {
    for (const auto& fold : folds_) {
        if (fold->which() == which) return fold.get();
    }
    return nullptr;
}

bool ShardWorker::batch_is_full() const {
    if (uncommitted_ == 0) return false;
    return uncommitted_ >= limits_.events || std::chrono::steady_clock::now() - batch_began_ >= limits_.time ||
           cached_bytes() > limits_.cache_bytes;
}

std::size_t ShardWorker::cached_bytes() const {
    std::size_t bytes = 0;
    for (const auto& fold : folds_) bytes += fold->cache().bytes();
    return bytes;
}

// Down to three quarters, so that it does not come to this at every commit; each view gives in proportion.
void ShardWorker::trim_caches() {
    const auto bytes = cached_bytes();
    if (bytes <= limits_.cache_bytes) return;
    const double keep = 0.75 * static_cast<double>(limits_.cache_bytes) / static_cast<double>(bytes);
    for (const auto& fold : folds_) {
        fold->cache().trim(static_cast<std::size_t>(static_cast<double>(fold->cache().bytes()) * keep));
    }
}

void ShardWorker::count_folded() {
    std::uint64_t folded = 0;
    for (events::Partition p = 0; p < log_.identity().partitions; ++p) {
        const auto* least = projections::shard_of(p) == shard_ ? least_place(p) : nullptr;
        if (least) folded += least->next_sequence;
    }
    folded_ = folded;
}

}  // namespace tidemark::consumers
