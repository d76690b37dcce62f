// At most so many of something at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace tidemark::api {

// Any thread.
class Places {
public:
    struct Leave {
        void operator()(std::atomic<std::size_t>* taken) const { --*taken; }
        std::shared_ptr<std::atomic<std::size_t>> keep;
    };
    using Place = std::unique_ptr<std::atomic<std::size_t>, Leave>;  // left when it is destroyed, wherever and whenever

    explicit Places(std::size_t most) : most_(most) {}

    // Nothing: all are taken.
    [[nodiscard]] Place take() {
        const bool free = ++*taken_ <= most_;
        Place place(taken_.get(), Leave{taken_});
        return free ? std::move(place) : Place();
    }
    [[nodiscard]] std::size_t taken() const { return *taken_; }

private:
    std::size_t most_;
    std::shared_ptr<std::atomic<std::size_t>> taken_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace tidemark::api
