// libFuzzer's door to the target TIDEMARK_FUZZ_TARGET.
#include "tests/fuzz/targets.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tidemark::tests::fuzz::TIDEMARK_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
    return 0;
}
