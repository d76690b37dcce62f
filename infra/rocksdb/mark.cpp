#include "infra/rocksdb/mark.hpp"

#include "events/wire.hpp"

#include <optional>
#include <sys/stat.h>

namespace tidemark::infra {

namespace wire = events::wire;

namespace {

constexpr std::string_view magic = "TMRK";
constexpr std::uint32_t format = 1;
constexpr std::size_t slots = 4;
constexpr std::size_t fixed_bytes = 4 + 4 + 8 + 16 + 8 + 4;
constexpr std::size_t place_bytes = 8 + 32;
constexpr std::size_t page = 4096;

std::size_t used_bytes(std::size_t partitions) {
    return fixed_bytes + partitions * place_bytes + sizeof(events::Digest);
}
std::size_t slot_bytes(std::size_t partitions) {
    return (used_bytes(partitions) + page - 1) / page * page;
}

std::string_view as_text(const events::Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string encode(const MarkedLog& log, const events::KeyedDigest& key) {
    std::string out(magic);
    out.reserve(used_bytes(log.places.size()));
    wire::put(out, format);
    wire::put(out, log.generation);
    wire::put(out, log.log_id.bytes);
    wire::put(out, log.incarnation);
    wire::put(out, static_cast<std::uint32_t>(log.places.size()));
    for (const MarkedPlace& place : log.places) {
        wire::put(out, place.next_number);
        wire::put(out, place.digest);
    }
    wire::put(out, key.of(out));
    return out;
}

// Nothing: not a whole mark under this key.
std::optional<MarkedLog> decode(std::string_view bytes, const events::KeyedDigest& key) {
    wire::Reader in(bytes);
    if (in.text(magic.size()) != magic || in.get<std::uint32_t>() != format) {
        return std::nullopt;
    }
    MarkedLog log;
    log.generation = in.get<std::uint64_t>();
    in.get(log.log_id.bytes);
    log.incarnation = in.get<std::uint64_t>();
    const std::size_t partitions = in.get<std::uint32_t>();
    if (!in.ok() || in.left() / place_bytes < partitions) {
        return std::nullopt;
    }
    log.places.resize(partitions);
    for (MarkedPlace& place : log.places) {
        place.next_number = in.get<std::uint64_t>();
        in.get(place.digest);
    }
    const std::string_view is_signed = bytes.substr(0, bytes.size() - in.left());
    const std::string_view signature = in.text(sizeof(events::Digest));
    return in.ok() && signature == as_text(key.of(is_signed)) ? std::optional(std::move(log)) : std::nullopt;
}

struct Newest {
    MarkedLog log;
    std::uint64_t slot = 0;
};

std::expected<Newest, std::string> newest_of(const std::filesystem::path& file, const FileDescriptor& opened,
                                             const events::KeyedDigest& key) {
    struct stat status{};
    if (::fstat(opened.number(), &status) != 0) {
        return std::unexpected(failed_to("read", file));
    }
    std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
    if (::pread(opened.number(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        return std::unexpected(failed_to("read", file));
    }
    std::optional<Newest> newest;
    const std::size_t length = bytes.size() / slots;
    for (std::uint64_t slot = 0; slot < slots; ++slot) {
        auto held = decode(std::string_view(bytes).substr(slot * length, length), key);
        if (held && (!newest || held->generation > newest->log.generation)) {
            newest = Newest{std::move(*held), slot};
        }
    }
    if (!newest) {
        return std::unexpected("the mark " + file.string() +
                               " holds nothing that its key has signed: it is damaged, or belongs to another log");
    }
    return std::move(*newest);
}

}  // namespace

std::expected<Mark, std::string> Mark::create(const std::filesystem::path& file, std::string_view key,
                                              const MarkedLog& log) {
    FileDescriptor opened(::open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!opened.valid()) {
        return std::unexpected(failed_to("make", file));
    }
    // All its room is taken now, so that a full disk cannot stop it later.
    const auto bytes = static_cast<off_t>(slots * slot_bytes(log.places.size()));
    if (const int failed = ::posix_fallocate(opened.number(), 0, bytes); failed != 0) {
        errno = failed;
        return std::unexpected(failed_to("take room for", file));
    }
    Mark mark(file, std::move(opened), key);
    if (auto sealed = mark.seal(log); !sealed) {
        return std::unexpected(sealed.error().what);
    }
    if (!sync_directory(file.parent_path())) {
        return std::unexpected(failed_to("sync the directory of", file));
    }
    return mark;
}

std::expected<Mark, std::string> Mark::open(const std::filesystem::path& file, std::string_view key, MarkedLog& log) {
    FileDescriptor opened(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    if (!opened.valid()) {
        return std::unexpected(failed_to("open", file));
    }
    Mark mark(file, std::move(opened), key);
    auto newest = newest_of(file, mark.opened_, mark.key_);
    if (!newest) {
        return std::unexpected(newest.error());
    }
    log = std::move(newest->log);
    // The newest one is not the first to be overwritten.
    (newest->slot < 2 ? mark.written_ : mark.sealed_) = newest->slot % 2 + 1;
    return mark;
}

std::expected<MarkedLog, std::string> Mark::read(const std::filesystem::path& file, std::string_view key) {
    const FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!opened.valid()) {
        return std::unexpected(failed_to("open", file));
    }
    auto newest = newest_of(file, opened, events::KeyedDigest(key));
    if (!newest) {
        return std::unexpected(newest.error());
    }
    return std::move(newest->log);
}

bool Mark::is_of_later_version(const std::filesystem::path& file) {
    const FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (!opened.valid() || ::fstat(opened.number(), &status) != 0) return false;
    bool later = false;
    for (std::size_t slot = 0; slot < slots; ++slot) {
        std::string head(magic.size() + sizeof(format), '\0');
        const off_t at = static_cast<off_t>(slot) * (status.st_size / static_cast<off_t>(slots));
        if (::pread(opened.number(), head.data(), head.size(), at) != static_cast<ssize_t>(head.size())) continue;
        wire::Reader in(head);
        if (in.text(magic.size()) != magic) continue;
        const auto found = in.get<std::uint32_t>();
        if (found == format) return false;
        later = later || found > format;
    }
    return later;
}

std::expected<void, MarkFailure> Mark::write(const MarkedLog& log) {
    if (const int planted = fault_ ? fault_(false) : 0; planted != 0) {
        errno = planted;
        return failure("write");
    }
    return put(log, written_++ % 2);
}

std::expected<void, MarkFailure> Mark::seal(const MarkedLog& log) {
    if (const int planted = fault_ ? fault_(true) : 0; planted != 0) {
        errno = planted;
        return failure("sync");
    }
    if (auto written = put(log, 2 + sealed_++ % 2); !written) {
        return written;
    }
    if (::fdatasync(opened_.number()) != 0) {
        return failure("sync");
    }
    return {};
}

std::unexpected<MarkFailure> Mark::failure(const char* to_do) const {
    const bool no_space = errno == ENOSPC || errno == EDQUOT;
    return std::unexpected(MarkFailure{no_space, failed_to(to_do, file_)});
}

std::expected<void, MarkFailure> Mark::put(const MarkedLog& log, std::uint64_t slot) const {
    const std::string bytes = encode(log, key_);
    const auto at = static_cast<off_t>(slot * slot_bytes(log.places.size()));
    const ssize_t written = ::pwrite(opened_.number(), bytes.data(), bytes.size(), at);
    if (written == static_cast<ssize_t>(bytes.size())) {
        return {};
    }
    if (written >= 0) {
        errno = ENOSPC;  // what a write that was cut short would say if it went on
    }
    return failure("write");
}

}  // namespace tidemark::infra
