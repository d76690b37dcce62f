#include "tests/e2e/load.hpp"

#include <chrono>
#include <random>
#include <stdexcept>

namespace tidemark::e2e {

namespace json = boost::json;

namespace {

Sent command(const std::string& kind, const std::string& stream_id, const std::string& command_id,
             const std::string& name, const json::object& body) {
    const json::object line = {{"stream_id", stream_id},
                               {"command_id", command_id},
                               {"actor", "crash-test"},
                               {kind, json::object{{name, body}}}};
    return {command_id, kind + "/" + stream_id, json::serialize(line)};
}

json::object euros(std::uint64_t whole) {
    return {{"amount", std::to_string(whole) + ".00"}, {"currency", "EUR"}};
}

Sent open_sale(const std::string& sale, std::uint64_t amount) {
    return command("sale", sale, sale + ":open", "open_sale",
                   {{"owner", "ada"}, {"region", "north"}, {"pipeline_id", "direct"}, {"amount", euros(amount)}});
}

Sent define_product(const std::string& product, std::uint64_t price) {
    return command("product", product, product + ":define", "define_product",
                   {{"name", product}, {"series", "crash"}, {"list_price", euros(price)}});
}

json::array one_line(const char* product) {
    return {json::object{{"product_id", product}, {"quantity", 1}}};
}

json::object plan_of(const std::string& sale, const std::string& customer) {
    return {{"name", "Delivery of " + sale},
            {"customer_id", customer},
            {"sale_id", sale},
            {"owner", "ada"},
            {"region", "north"},
            {"product_id", "second"},
            {"kind", "PRODUCT_DELIVERY"},
            {"plan", json::object{{"start_date", "2026-01-05"}, {"end_date", "2026-02-05"}, {"budget", euros(5'000)}}}};
}

// The life of one sale and of what it is about, and one change to the sale of everybody. Other lines make two events:
// a command may not be there by half. The last commands of the sale are refused or change nothing: those answers must
// last as well.
void append_sale(std::vector<Sent>& batch, const std::string& sale, std::mt19937_64& random) {
    const auto amount = 100 + random() % 100'000;
    const std::string customer = sale + "-customer";
    const std::string delivery = sale + "-delivery";
    batch.push_back(command("customer", customer, customer + ":create", "create_customer",
                            {{"name", "Customer of " + sale}, {"region", "north"}, {"owner", "ada"}}));
    batch.push_back(command("sale", sale, sale + ":open", "open_sale",
                            {{"owner", "ada"},
                             {"region", "north"},
                             {"pipeline_id", "direct"},
                             {"customer_id", customer},
                             {"lines", one_line("first")},
                             {"amount", euros(amount)}}));
    batch.push_back(command("sale", sale, sale + ":stage", "change_sale_stage", {{"stage", "offer"}}));
    batch.push_back(command("sale", sale, sale + ":amount", "change_sale_amount",
                            {{"amount", euros(amount + 1)}, {"lines", one_line("second")}}));
    batch.push_back(command("sale", shared_sale, sale + ":shared", "change_sale_amount",
                            {{"amount", euros(random() % 1'000'000'000)}}));
    batch.push_back(command("sale", sale, sale + ":win", "win_sale", json::object{}));
    batch.push_back(command("sale", sale, sale + ":lose", "lose_sale", {{"reason", "PRICE"}}));
    batch.push_back(command("delivery", delivery, delivery + ":plan", "plan_delivery", plan_of(sale, customer)));
    batch.push_back(command("delivery", delivery, delivery + ":start", "start_delivery", json::object{}));
    batch.push_back(
        command("delivery", delivery, delivery + ":work", "report_work", {{"minutes", 1 + random() % 500}}));
    if (random() % 4 == 0) batch.push_back(define_product(sale + "-product", amount));
}

json::object object_of(const std::string& line) {
    auto value = json::parse(line);
    if (!value.is_object()) throw std::runtime_error("not an object: " + line);
    return std::move(value.get_object());
}

// Whole lines only: what a broken connection has cut is not an answer.
template <class Visit>
void for_each_line(const std::string& body, Visit visit) {
    for (std::size_t at = 0;;) {
        const auto end = body.find('\n', at);
        if (end == std::string::npos) return;
        if (end > at) visit(body.substr(at, end - at));
        at = end + 1;
    }
}

}  // namespace

void prepare(std::uint16_t port, Ledger& ledger) {
    Connection connection(port);
    const json::array stages = {{{"id", "lead"}, {"name", "Lead"}, {"probability_bp", 1000}},
                                {{"id", "offer"}, {"name", "Offer"}, {"probability_bp", 5000}}};
    const std::vector<Sent> commands = {
        command("pipeline", "direct", "define-direct", "define_pipeline", {{"name", "Direct"}, {"stages", stages}}),
        define_product("first", 100), define_product("second", 200), open_sale(shared_sale, 1)};
    for (const auto& sent : commands) ledger.sent(sent);
    if (!send_and_note(connection, commands, ledger)) throw std::runtime_error("the first commands were not answered");
}

void send_one_life(std::uint16_t port, Ledger& ledger, const std::string& sale) {
    Connection connection(port);
    std::mt19937_64 random(1);
    std::vector<Sent> commands;
    append_sale(commands, sale, random);
    for (const auto& sent : commands) ledger.sent(sent);
    if (!send_and_note(connection, commands, ledger))
        throw std::runtime_error("the life of " + sale + " was not answered");
}

bool send_and_note(Connection& connection, const std::vector<Sent>& commands, Ledger& ledger) {
    std::string body;
    for (const auto& sent : commands) body += sent.line + "\n";
    const auto reply = connection.post("/v1/commands", std::move(body), "application/x-ndjson");
    if (reply.status == 503 || reply.status == 0) return false;
    if (reply.status != 200)
        throw std::runtime_error("POST /v1/commands: " + std::to_string(reply.status) + " " + reply.body);
    std::size_t answered = 0;
    for_each_line(reply.body, [&](const std::string& line) {
        const auto outcome = object_of(line);
        if (outcome.at("status").as_string() == "INVALID") throw std::runtime_error("refused as malformed: " + line);
        if (outcome.at("status").as_string() != "UNAVAILABLE") ++answered;
        ledger.answered(outcome);
    });
    return answered == commands.size();
}

Answered open_sale_alone(Connection& connection, const std::string& sale, Ledger& ledger) {
    const auto sent = open_sale(sale, 100);
    ledger.sent(sent);
    const auto body = object_of(sent.line).at("sale").at("open_sale");
    const auto reply = connection.post("/v1/sales/" + sale + "/open-sale", json::serialize(body), "application/json",
                                       {{"Idempotency-Key", sent.command_id}, {"Tidemark-Actor", "crash-test"}});
    if (reply.status == 0 || !reply.complete) return Answered::broken;
    if (reply.status == 503 && !reply.header("Retry-After").empty()) return Answered::refused;
    if (reply.status != 200 && reply.status != 201)
        throw std::runtime_error("opening a sale: " + std::to_string(reply.status) + " " + reply.body);
    ledger.answered(object_of(reply.body));
    return Answered::yes;
}

void send_unanswered(std::uint16_t port, Ledger& ledger) {
    constexpr std::size_t batch = 200;
    for (const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);;) {
        const auto left = ledger.unanswered();
        if (left.empty()) return;
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error(std::to_string(left.size()) + " commands stay unanswered");
        Connection connection(port);
        for (std::size_t at = 0; at < left.size(); at += batch) {
            const auto end = std::min(left.size(), at + batch);
            const std::vector<Sent> some(left.begin() + static_cast<std::ptrdiff_t>(at),
                                         left.begin() + static_cast<std::ptrdiff_t>(end));
            if (!send_and_note(connection, some, ledger)) break;
        }
    }
}

namespace {

void send_batches(const std::stop_token& stop, std::uint16_t port, Ledger& ledger, const std::string& name,
                  std::uint64_t seed) {
    constexpr std::size_t sales_in_a_batch = 4;
    std::mt19937_64 random(seed);
    Connection connection(port);
    for (std::size_t sale = 0; !stop.stop_requested();) {
        std::vector<Sent> batch;
        for (std::size_t i = 0; i < sales_in_a_batch; ++i, ++sale)
            append_sale(batch, name + "-" + std::to_string(sale), random);
        for (const auto& sent : batch) ledger.sent(sent);
        if (!send_and_note(connection, batch, ledger)) return;
    }
}

void send_singles(const std::stop_token& stop, std::uint16_t port, Ledger& ledger, const std::string& name) {
    Connection connection(port);
    for (std::size_t sale = 0; !stop.stop_requested(); ++sale) {
        if (open_sale_alone(connection, name + "-" + std::to_string(sale), ledger) == Answered::broken) return;
    }
}

}  // namespace

Load::Load(std::uint16_t port, Ledger& ledger, Writers writers, std::string name, std::uint64_t seed) {
    for (std::size_t writer = 0; writer < writers.bulk + writers.single; ++writer) {
        const std::string prefix = name + "-" + std::to_string(writer);
        writers_.emplace_back([=, &ledger](const std::stop_token& stop) {
            writer < writers.bulk ? send_batches(stop, port, ledger, prefix, seed * 1000 + writer)
                                  : send_singles(stop, port, ledger, prefix);
        });
    }
}

void Load::stop() {
    writers_.clear();
}

Load::~Load() = default;

std::vector<json::object> read_feed(std::uint16_t port) {
    std::vector<json::object> feed;
    Connection connection(port);
    for (std::string cursor;;) {
        const auto reply = connection.get("/v1/events?limit=10000" + (cursor.empty() ? "" : "&cursor=" + cursor));
        if (reply.status != 200 || !reply.complete)
            throw std::runtime_error("GET /v1/events: " + std::to_string(reply.status) + " " + reply.body);
        const auto before = feed.size();
        for_each_line(reply.body, [&](const std::string& line) { feed.push_back(object_of(line)); });
        if (feed.size() == before) return feed;
        cursor = std::string(feed.back().at("cursor").as_string());
    }
}

}  // namespace tidemark::e2e
