#include "api/cli/line_input.hpp"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace tidemark::api {

namespace {

constexpr std::size_t piece_bytes = 64 << 10;

}  // namespace

std::expected<LineInput, std::string> LineInput::open(const std::filesystem::path& path) {
    if (path == "-") return LineInput(STDIN_FILENO);
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return std::unexpected(path.string() + ": " + std::generic_category().message(errno));
    return LineInput(descriptor);
}

LineInput::LineInput(LineInput&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      read_(std::move(other.read_)),
      at_(other.at_),
      ended_(other.ended_) {}

LineInput::~LineInput() {
    if (descriptor_ > STDIN_FILENO) ::close(descriptor_);
}

std::variant<std::string, LineInput::NothingYet, LineInput::End, LineInput::Failed> LineInput::next() {
    for (std::size_t searched = at_;;) {
        if (const auto end = read_.find('\n', searched); end != std::string::npos) {
            std::string line = read_.substr(at_, end - at_);
            at_ = end + 1;
            return line;
        }
        if (ended_) {
            if (at_ == read_.size()) return End{};
            return read_.substr(std::exchange(at_, read_.size()));
        }
        read_.erase(0, std::exchange(at_, 0));
        searched = read_.size();
        pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
        const int ready = ::poll(&waiting, 1, 0);
        if (ready == 0) return NothingYet{};
        if (ready < 0 && errno == EINTR) continue;
        read_.resize(searched + piece_bytes);
        const auto got = ready < 0 ? -1 : ::read(descriptor_, read_.data() + searched, piece_bytes);
        const int error = errno;
        read_.resize(searched + static_cast<std::size_t>(got < 0 ? 0 : got));
        if (got < 0 && error != EINTR) return Failed{std::generic_category().message(error)};
        ended_ = got == 0;
    }
}

}  // namespace tidemark::api
