// The mark: how far the log had come, kept outside its database, because a write-ahead log that was cut
// short or damaged may open as a shorter one and say nothing.
//
// File: four slots of the same size, each a whole mark with its generation and an HMAC-SHA-256 over it under
// keys/mark.key; the valid one of the greatest generation counts. `write` takes turns between slots 0 and 1 (not
// synced: covers the death of the process), `seal` between 2 and 3 (synced: covers the loss of power); a
// slot that is torn always leaves another one whole.
//
// Slot: "TMRK", format u32, generation u64, log id 16, incarnation u64, partitions u32, then for each
// partition: next block number u64, digest 32; then the HMAC 32. Integers are little-endian.
#pragma once

#include "events/digest.hpp"
#include "events/ids.hpp"
#include "infra/runtime/file_descriptor.hpp"

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace tidemark::infra {

struct MarkedPlace {
    std::uint64_t next_number = 0;  // of the block that comes next; 0: there is none yet
    events::Digest digest{};        // of the last block, if there is one
    bool operator==(const MarkedPlace&) const = default;
};

struct MarkedLog {
    events::Uuid log_id;
    std::uint64_t incarnation = 0;
    std::uint64_t generation = 0;     // of the mark: grows with each that is written
    std::vector<MarkedPlace> places;  // by partition
    bool operator==(const MarkedLog&) const = default;
};

struct MarkFailure {
    bool no_space = false;  // as copy-on-write file systems answer, also where room was taken before
    std::string what;
};

// write and seal may be called at the same time, each from one thread.
class Mark {
public:
    // Makes the file, or makes it anew, sealed.
    [[nodiscard]] static std::expected<Mark, std::string> create(const std::filesystem::path& file,
                                                                 std::string_view key, const MarkedLog& log);
    // Finds the newest whole mark in `log`. The error says why there is none.
    [[nodiscard]] static std::expected<Mark, std::string> open(const std::filesystem::path& file, std::string_view key,
                                                               MarkedLog& log);

    // The same, and opens nothing to write.
    [[nodiscard]] static std::expected<MarkedLog, std::string> read(const std::filesystem::path& file,
                                                                    std::string_view key);

    // Whether the file holds marks of a later format only: nothing for this version to judge or to write over.
    [[nodiscard]] static bool is_of_later_version(const std::filesystem::path& file);

    [[nodiscard]] std::expected<void, MarkFailure> write(const MarkedLog& log);  // some microseconds
    [[nodiscard]] std::expected<void, MarkFailure> seal(const MarkedLog& log);
    // For tests: asked before each write and sync; the number of the error that it is to fail with, or 0.
    void fail_with(std::function<int(bool sealing)> fault) { fault_ = std::move(fault); }

private:
    Mark(std::filesystem::path file, FileDescriptor opened, std::string_view key)
        : file_(std::move(file)), opened_(std::move(opened)), key_(key) {}
    [[nodiscard]] std::expected<void, MarkFailure> put(const MarkedLog& log, std::uint64_t slot) const;
    [[nodiscard]] std::unexpected<MarkFailure> failure(const char* to_do) const;  // by errno

    std::filesystem::path file_;
    FileDescriptor opened_;
    events::KeyedDigest key_;
    std::uint64_t written_ = 0;
    std::uint64_t sealed_ = 0;
    std::function<int(bool sealing)> fault_;
};

}  // namespace tidemark::infra
