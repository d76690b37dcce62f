// Lines of a file or of standard input, as they come: asks for what is at hand and never waits for more. One thread.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <variant>

namespace tidemark::api {

class LineInput {
public:
    // "-": standard input.
    [[nodiscard]] static std::expected<LineInput, std::string> open(const std::filesystem::path& path);
    LineInput(LineInput&& other) noexcept;
    LineInput& operator=(LineInput&&) = delete;
    ~LineInput();

    struct NothingYet {};  // more may come
    struct End {};
    struct Failed {
        std::string why;
    };
    // A line without its end; what stands behind the last line end is one too. A regular file always has what there is
    // at hand.
    [[nodiscard]] std::variant<std::string, NothingYet, End, Failed> next();

private:
    explicit LineInput(int descriptor) : descriptor_(descriptor) {}

    int descriptor_;
    std::string read_;  // and not handed out yet, from at_ on
    std::size_t at_ = 0;
    bool ended_ = false;
};

}  // namespace tidemark::api
