// A data directory that is open in this process: the log and the derived stores behind it, caught up. Makes what
// is not there. One thread opens and closes it; the parts say what else may be done with them.
#pragma once

#include "consumers/derived/derived_stores.hpp"
#include "consumers/history/history.hpp"
#include "infra/config/config.hpp"
#include "infra/rocksdb/embedded_log.hpp"
#include "infra/rocksdb/rocks_kv.hpp"

#include <expected>
#include <memory>
#include <string>

namespace tidemark::api {

struct OpenedStore {
    std::string digest_key;  // keys the digests of command bodies
    std::unique_ptr<infra::EmbeddedLog> log;
    std::unique_ptr<infra::RocksKv> derived_rows;
    std::unique_ptr<consumers::DerivedStores> derived;  // null when opened without
    std::unique_ptr<consumers::History> history;
};

enum class Derived : std::uint8_t {
    leave,     // only the rows, as they are: for checking and rebuilding them
    catch_up,  // with what the log has more, then following
};

// The error is for people and says what to do.
[[nodiscard]] std::expected<OpenedStore, std::string> open_store(const infra::Config& config, Derived derived);

// What the settings come to: the file, then the environment, then `settings` (key and value).
[[nodiscard]] std::expected<infra::Config, std::string> read_config(
    const std::filesystem::path& file, const std::vector<std::pair<std::string, std::string>>& settings);

[[nodiscard]] events::Micros wall_clock();

}  // namespace tidemark::api
