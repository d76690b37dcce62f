// Load on a server from several connections at once: customers, products, sales that are opened, moved, repriced and
// won, what is delivered of them, and one sale that everybody changes. Everything is written down in a Ledger.
#pragma once

#include "tests/e2e/http.hpp"
#include "tests/e2e/ledger.hpp"

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace tidemark::e2e {

inline constexpr const char* shared_sale = "sale-of-everybody";

// Defines the pipeline, the products and the sale that the load needs.
void prepare(std::uint16_t port, Ledger& ledger);

// Sends commands as NDJSON in one POST /v1/commands and writes down what is answered; true: every line was.
// A broken connection and a 503 leave the rest unanswered.
bool send_and_note(Connection& connection, const std::vector<Sent>& commands, Ledger& ledger);

// All that a writer sends of one sale, named so; throws unless it is answered.
void send_one_life(std::uint16_t port, Ledger& ledger, const std::string& sale);

// One command in a request of its own. Refused: 503 with Retry-After, and nothing else may be so. Broken: the
// connection ended before the whole answer.
enum class Answered : std::uint8_t { yes, refused, broken };
Answered open_sale_alone(Connection& connection, const std::string& sale, Ledger& ledger);

// Sends what is unanswered until everything is answered; throws when that does not come to an end.
void send_unanswered(std::uint16_t port, Ledger& ledger);

// Writers, one thread and one connection each, until stop() or until the server is gone: some send batches, some one
// command at a time.
struct Writers {
    std::size_t bulk = 4;
    std::size_t single = 2;
};
class Load {
public:
    Load(std::uint16_t port, Ledger& ledger, Writers writers, std::string name, std::uint64_t seed);
    ~Load();
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;
    void stop();

private:
    std::vector<std::jthread> writers_;
};

// Every event of the feed, read to its end page by page.
[[nodiscard]] std::vector<boost::json::object> read_feed(std::uint16_t port);

}  // namespace tidemark::e2e
