// A data directory that is open in this process: the log and the derived stores behind it, caught up. One thread opens
// and closes it; the parts say what else may be done with them.
#pragma once

#include "consumers/derived/derived_stores.hpp"
#include "consumers/history/history.hpp"
#include "infra/config/config.hpp"
#include "infra/rocksdb/embedded_log.hpp"
#include "infra/rocksdb/rocks_kv.hpp"

#include <expected>
#include <memory>
#include <stop_token>
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

// A directory without a log in it, as one whose name is mistyped.
enum class Absent : std::uint8_t { make, refuse };

// The error is for people and says what to do. `stop` gives catching up in the middle up: that is an error too, and
// the next start goes on from there.
[[nodiscard]] std::expected<OpenedStore, std::string> open_store(const infra::Config& config, Derived derived,
                                                                 Absent absent, const std::stop_token& stop = {});

// What the settings come to: the file (that TIDEMARK_CONFIG names, if it is empty), then the environment, then
// `settings` (key and value).
[[nodiscard]] std::expected<infra::Config, std::string> read_config(
    const std::filesystem::path& file, const std::vector<std::pair<std::string, std::string>>& settings);

[[nodiscard]] events::Micros wall_clock();

}  // namespace tidemark::api
