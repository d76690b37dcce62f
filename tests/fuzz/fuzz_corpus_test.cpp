// Every input that is kept, through its target: under any compiler, without the fuzzer.
#include "tests/fuzz/targets.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace tidemark::tests::fuzz {

TEST_CASE("inputs that were kept are read to their end", "[fuzz]") {
    for (const Target& target : all) {
        std::size_t inputs = 0;
        for (const auto& file : std::filesystem::directory_iterator(std::string(TIDEMARK_CORPUS) + "/" + target.name)) {
            std::ifstream in(file.path(), std::ios::binary);
            const std::string bytes{std::istreambuf_iterator<char>(in), {}};
            INFO(file.path());
            target.run(bytes);
            ++inputs;
        }
        INFO(target.name);
        CHECK(inputs > 0);
    }
}

}  // namespace tidemark::tests::fuzz
