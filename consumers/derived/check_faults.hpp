// Faults found by a check, as sentences that say where. A store that is wrong throughout does not fill
// the memory: behind the first thousand they are only counted.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::consumers {

class Faults {
public:
    static constexpr std::size_t listed = 1000;

    void add(std::string sentence) {
        if (sentences_.size() < listed) {
            sentences_.push_back(std::move(sentence));
        } else {
            ++more_;
        }
    }

    [[nodiscard]] std::vector<std::string> take() {
        if (more_ > 0) sentences_.push_back("and " + std::to_string(more_) + " faults more");
        return std::move(sentences_);
    }

private:
    std::vector<std::string> sentences_;
    std::uint64_t more_ = 0;
};

}  // namespace tidemark::consumers
