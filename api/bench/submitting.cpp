#include "api/bench/submitting.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

namespace tidemark::api {

void Submitting::answered(const v1::Outcome& outcome) {
    if (outcome.status() != v1::ACCEPTED) {
        const std::scoped_lock lock(mutex_);
        if (failure_.empty()) failure_ = outcome.ShortDebugString();
    }
    const std::size_t left = under_way_.fetch_sub(1) - 1;
    if (left == goes_on_at() || left == 0) under_way_.notify_one();
}

std::expected<std::uint64_t, std::string> Submitting::run(const Make& make) {
    std::uint64_t sent = 0;
    std::vector<consumers::Submission> group;
    for (bool more = true; more;) {
        for (std::size_t busy = under_way_; busy > goes_on_at(); busy = under_way_) under_way_.wait(busy);
        const std::size_t room = std::min<std::size_t>(in_flight_ - under_way_, 1'024);
        group.clear();
        while (more && group.size() < room) {
            auto command = make();
            more = command.has_value();
            if (!more) break;
            group.push_back(
                {.command = std::move(*command), .answer = [this](const v1::Outcome& outcome) { answered(outcome); }});
        }
        under_way_ += group.size();
        for (std::size_t taken = 0; taken < group.size();) {
            const std::size_t now = commands_.submit(std::span(group).subspan(taken));
            taken += now;
            if (now == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the processor holds back
        }
        sent += group.size();
        const std::scoped_lock lock(mutex_);
        if (!failure_.empty()) break;
    }
    for (std::size_t busy = under_way_; busy > 0; busy = under_way_) under_way_.wait(busy);
    const std::scoped_lock lock(mutex_);
    if (!failure_.empty()) return std::unexpected("a command of the benchmark was not accepted: " + failure_);
    return sent;
}

}  // namespace tidemark::api
