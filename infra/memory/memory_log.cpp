#include "infra/memory/memory_log.hpp"

#include "infra/memory/memory_lane.hpp"

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

struct Group {
    std::vector<BlockPtr> blocks;
    std::vector<Fault> faults;
    AppendDone done;
    std::chrono::microseconds due{0};   // on the clock of a stepped log
    std::vector<AppendResult> results;  // filled when it has landed
    [[nodiscard]] bool landed() const { return !results.empty() || blocks.empty(); }
};

bool share_a_partition(const Group& one, const Group& other) {
    return std::ranges::any_of(one.blocks, [&](const BlockPtr& block) {
        return std::ranges::any_of(
            other.blocks, [&](const BlockPtr& its) { return its->header().partition == block->header().partition; });
    });
}

std::chrono::microseconds longest_delay(const Group& group) {
    std::chrono::microseconds longest{0};
    for (const Fault& fault : group.faults) longest = std::max(longest, fault.delay);
    return longest;
}

bool lets_next_pass(const Group& group) {
    return std::ranges::any_of(group.faults, [](const Fault& fault) { return fault.let_next_pass; });
}

}  // namespace

struct MemoryLog::Impl {
    explicit Impl(MemoryLogOptions options)
        : identity{options.id, options.incarnation, options.partitions},
          faults(std::move(options.faults)),
          clock(std::move(options.clock)) {
        for (events::Partition p = 0; p < identity.partitions; ++p) {
            lanes.emplace_back(identity, p);
        }
        if (faults && !clock) {
            worker = std::jthread([this](const std::stop_token& stop) { land_behind(stop); });
        }
    }

    AppendResult land_one(const BlockPtr& block, Fate fate);
    void land(Group& group);
    void land_here(std::unique_lock<std::mutex>& lock);
    void land_behind(const std::stop_token& stop);
    bool let_next_pass(const Group& group);
    void wait_out_delay(std::unique_lock<std::mutex>& lock, Group& group, const std::stop_token& stop);

    const consumers::LogIdentity identity;
    FaultScript faults;
    const std::function<std::chrono::microseconds()> clock;
    std::mutex mutex;
    std::condition_variable_any queued;   // for the worker
    std::condition_variable_any counted;  // for waiters
    std::vector<MemoryLane> lanes;
    std::deque<std::unique_ptr<Group>> groups;  // not reported yet, in the order of the appends
    std::uint64_t appended = 0;
    std::uint64_t version = 0;
    std::uint64_t interrupts = 0;
    bool held = false;
    bool landing = false;  // somebody is reporting, and will see what comes meanwhile
    std::jthread worker;
};

AppendResult MemoryLog::Impl::land_one(const BlockPtr& block, Fate fate) {
    if (block->header().partition >= lanes.size()) {
        return {AppendStatus::unknown, std::make_error_code(std::errc::invalid_argument),
                "the log has no such partition"};
    }
    MemoryLane& lane = lanes[block->header().partition];
    const std::size_t counted_before = lane.counted().size();
    AppendResult result = lane.land(block, fate);
    version += lane.counted().size() - counted_before;
    return result;
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

// Lands the group behind `group`, if it may.
bool MemoryLog::Impl::let_next_pass(const Group& group) {
    if (!lets_next_pass(group) || groups.size() < 2 || groups[1]->landed() || share_a_partition(group, *groups[1])) {
        return false;
    }
    land(*groups[1]);
    return true;
}

void MemoryLog::Impl::wait_out_delay(std::unique_lock<std::mutex>& lock, Group& group, const std::stop_token& stop) {
    const auto delay = longest_delay(group);
    if (delay.count() == 0) {
        return;
    }
    queued.wait_for(lock, stop, delay, [&] { return lets_next_pass(group) && groups.size() > 1; });
    let_next_pass(group);
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
    if (impl_->clock) {
        return;
    }
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
    const events::ChainFold& chain = impl_->lanes.at(partition).chain();
    return {chain.tip(), chain.edge()};
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
    if (impl_->clock) {
        group->due = impl_->clock() + longest_delay(*group);
    }
    impl_->groups.push_back(std::move(group));
    if (impl_->worker.joinable()) {
        impl_->queued.notify_all();
    } else if (!impl_->clock) {
        impl_->land_here(lock);
    }
}

bool MemoryLog::step() {
    std::unique_lock lock(impl_->mutex);
    if (impl_->groups.empty()) {
        return false;
    }
    Group& group = *impl_->groups.front();
    if (!group.landed()) {
        if (impl_->clock() < group.due) {
            return impl_->let_next_pass(group);
        }
        impl_->land(group);
        return true;
    }
    const std::unique_ptr<Group> finished = std::move(impl_->groups.front());
    impl_->groups.pop_front();
    lock.unlock();
    finished->done(std::move(finished->results));
    return true;
}

void MemoryLog::forget_writer(const std::function<Fate()>& fate) {
    const std::scoped_lock lock(impl_->mutex);
    for (const auto& group : impl_->groups) {
        if (group->landed()) {
            continue;
        }
        for (const BlockPtr& block : group->blocks) (void)impl_->land_one(block, fate());
    }
    impl_->groups.clear();
}

std::expected<std::vector<BlockPtr>, std::string> MemoryLog::read(events::Partition partition, events::Sequence from,
                                                                  std::size_t max_bytes) {
    if (partition >= impl_->identity.partitions) {
        return std::unexpected("the log has no partition " + std::to_string(partition));
    }
    const std::scoped_lock lock(impl_->mutex);
    const std::vector<BlockPtr>& counted = impl_->lanes[partition].counted();
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
    } else if (!impl_->clock) {
        impl_->land_here(lock);
    }
}

std::vector<BlockPtr> MemoryLog::messages(events::Partition partition) {
    const std::scoped_lock lock(impl_->mutex);
    return impl_->lanes.at(partition).messages();
}

}  // namespace tidemark::infra
