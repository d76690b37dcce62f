// Where a process can die: every step on the way of a command that leaves something behind passes one of these points.
#pragma once

#include <cstdint>
#include <string>

namespace tidemark::tests::simulation {

// Unwinds the whole process. Not a std::exception: nobody on the way may catch it.
struct Crash {
    std::string where;
};

class CrashPoints {
public:
    void pass(const char* where) {
        ++passed_;
        if (passed_ == deadly_) throw Crash{where};
    }
    // The n-th point from here on is deadly; 0: none is.
    void arm(std::uint64_t nth) { deadly_ = nth == 0 ? 0 : passed_ + nth; }
    [[nodiscard]] std::uint64_t passed() const { return passed_; }

private:
    std::uint64_t passed_ = 0;
    std::uint64_t deadly_ = 0;
};

}  // namespace tidemark::tests::simulation
