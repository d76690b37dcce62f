// GET /v1/events: the catch-up feed, as NDJSON, length-delimited Protobuf or Server-Sent Events. A reader goes at its
// own pace: more is read from the log only when what was sent has left. One that has not taken what was sent (a piece
// of up to 64 KiB) within the deadline is dropped, and resumes with the last cursor that it saw. What is held for one
// is bounded.
#include "consumers/feed/feed.hpp"

#include "aggregates/aggregate_type.hpp"
#include "api/http/answers.hpp"
#include "api/http/context.hpp"
#include "api/http/params.hpp"
#include "api/json/tables.hpp"
#include "api/json/write.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <charconv>

namespace tidemark::api {
namespace {

enum class FeedFormat : std::uint8_t { ndjson, delimited, sse };

constexpr std::size_t batch_records = 256;  // sent at once, unless they have more bytes than that:
constexpr std::size_t batch_bytes = 64u << 10;
constexpr std::size_t piece_records = 32;
constexpr std::size_t most_records = 10'000;  // of an answer that does not follow
constexpr std::chrono::seconds tick{1};
constexpr std::chrono::seconds heartbeat{10};  // silence after which a sign of life is sent

void append_record(FeedFormat format, const v1::EventRecord& record, std::string& out) {
    switch (format) {
        case FeedFormat::ndjson:
            json::write(record, out);
            out += '\n';
            return;
        case FeedFormat::sse:
            out += "id: " + record.cursor() + "\nevent: " + record.type() + "\ndata: ";
            json::write(record, out);
            out += "\n\n";
            return;
        case FeedFormat::delimited: {
            google::protobuf::io::StringOutputStream stream(&out);
            google::protobuf::io::CodedOutputStream coded(&stream);
            coded.WriteVarint32(static_cast<std::uint32_t>(record.ByteSizeLong()));
            record.SerializeWithCachedSizes(&coded);
            return;
        }
    }
}

std::string sign_of_life(FeedFormat format) {
    switch (format) {
        case FeedFormat::ndjson: return "\n";
        case FeedFormat::sse: return ": still here\n\n";
        case FeedFormat::delimited: break;
    }
    return std::string(1, '\0');  // a message of no bytes
}

struct FeedRequest {
    FeedFormat format = FeedFormat::ndjson;
    bool follow = false;
    std::size_t limit = 1'000;  // when it does not follow
};

// One reader. Everything runs on the connection's thread, except read_batch.
class FeedStream : public std::enable_shared_from_this<FeedStream> {
public:
    FeedStream(const Context& context, Places::Place place, consumers::Feed feed, FeedRequest asked,
               std::shared_ptr<Exchange> exchange)
        : context_(context),
          place_(std::move(place)),
          feed_(std::move(feed)),
          asked_(asked),
          exchange_(std::move(exchange)) {}

    void start() {
        Response head;
        head.content_type = asked_.format == FeedFormat::sse      ? event_stream_type
                            : asked_.format == FeedFormat::ndjson ? ndjson_type
                                                                  : delimited_type;
        head.headers.emplace_back("Cache-Control", "no-store");
        exchange_->begin(std::move(head));
        send({});
        if (asked_.follow) {
            follower_ = context_.feeds.add([weak = weak_from_this(), exchange = exchange_, posted = posted_] {
                if (posted->exchange(true)) {
                    return;  // it has not looked yet, and will see this too
                }
                exchange->post([weak, posted] {
                    *posted = false;
                    if (const auto self = weak.lock()) {
                        self->woken();
                    }
                });
            });
        }
        tick_again();
    }

    ~FeedStream() {
        if (follower_) {
            context_.feeds.remove(*follower_);
        }
    }
    FeedStream(const FeedStream&) = delete;
    FeedStream& operator=(const FeedStream&) = delete;

private:
    struct Batch {
        std::string bytes;
        std::size_t records = 0;
        bool moved = false;
        std::string error;
    };

    // On a thread of the query pool, one at a time.
    Batch read_batch() {
        Batch batch;
        const std::string before = feed_.cursor();
        const std::size_t most = asked_.follow ? batch_records : std::min(batch_records, asked_.limit - sent_);
        while (batch.records < most && batch.bytes.size() < batch_bytes) {
            const std::size_t asked = std::min(piece_records, most - batch.records);
            const auto records = feed_.next(asked, std::chrono::steady_clock::now());
            if (!records) {
                batch.error = records.error();
                return batch;
            }
            if (auto appended = append(*records, batch.bytes); !appended) {
                batch.error = appended.error();
                return batch;
            }
            batch.records += records->size();
            if (records->size() < asked) {
                break;
            }
        }
        const std::string after = feed_.cursor();
        batch.moved = after != before;
        if (asked_.format == FeedFormat::sse && batch.records == 0 && batch.moved) {
            batch.bytes = "id: " + after + "\n\n";  // no event; the place to resume at all the same
        }
        return batch;
    }

    [[nodiscard]] std::expected<void, std::string> append(const std::vector<consumers::FeedRecord>& records,
                                                          std::string& out) const {
        for (const consumers::FeedRecord& record : records) {
            auto shown = show(record.view);
            if (!shown) {
                return std::unexpected(shown.error());
            }
            shown->set_cursor(record.cursor);
            append_record(asked_.format, *shown, out);
        }
        return {};
    }

    void pump() {
        if (dead_ || reading_ || writing_) {
            return;
        }
        if (exchange_->stopping() || (!asked_.follow && sent_ == asked_.limit)) {
            end();
            return;
        }
        news_ = false;
        auto work = [self = shared_from_this()] {
            Batch batch;
            try {
                batch = self->read_batch();
            } catch (const std::exception& error) {
                batch = {.error = error.what()};
            }
            const auto exchange = self->exchange_;
            exchange->post([self, batch = std::move(batch)]() mutable { self->read(std::move(batch)); });
        };
        reading_ = context_.queries.submit(std::move(work), QueryPool::Lane::feed);
        idle_ = false;  // if the pool was full, the next tick tries again
    }

    void read(Batch batch) {
        reading_ = false;
        if (!batch.error.empty()) {
            spdlog::error("http: the feed cannot be read further: {}", batch.error);
            dead_ = true;
            exchange_->abort();  // a clean end would say that this was all
            return;
        }
        sent_ += batch.records;
        if (!batch.bytes.empty()) {
            send(std::move(batch.bytes));
        } else if (batch.moved || news_) {
            pump();
        } else if (asked_.follow) {
            idle_ = true;
            if (exchange_->stopping()) {
                end();
            }
        } else {
            end();
        }
    }

    void send(std::string bytes) {
        writing_ = true;
        last_sent_ = std::chrono::steady_clock::now();
        exchange_->write(std::move(bytes), [self = shared_from_this()](bool sent) {
            self->writing_ = false;
            self->dead_ = self->dead_ || !sent;
            if (!sent && std::chrono::steady_clock::now() - self->last_sent_ >= self->context_.options.deadline) {
                self->context_.metrics.feed_reader_dropped();
            }
            self->pump();
        });
    }

    void woken() {
        news_ = true;
        if (idle_) {
            pump();
        }
    }

    void tick_again() {
        exchange_->after(tick, [self = shared_from_this()] {
            if (self->dead_) {
                return;
            }
            self->tick_again();
            const bool silent = std::chrono::steady_clock::now() - self->last_sent_ > heartbeat;
            if (self->idle_ && silent && !self->writing_) {
                self->send(sign_of_life(self->asked_.format));
            } else {
                self->pump();
            }
        });
    }

    void end() {
        dead_ = true;
        exchange_->finish();
    }

    const Context& context_;
    Places::Place place_;
    consumers::Feed feed_;
    FeedRequest asked_;
    std::shared_ptr<Exchange> exchange_;
    std::optional<std::uint64_t> follower_;
    std::shared_ptr<std::atomic<bool>> posted_ = std::make_shared<std::atomic<bool>>(false);  // news is on its way here
    std::chrono::steady_clock::time_point last_sent_;
    std::size_t sent_ = 0;
    bool reading_ = false;
    bool writing_ = false;
    bool idle_ = false;  // at the end of the log
    bool news_ = false;
    bool dead_ = false;
};

std::vector<std::string_view> event_names() {
    std::vector<std::string_view> names;
    for (const auto& type : aggregates::registry()) {
        for (int i = 0; i < type.event->field_count(); ++i) {
            names.push_back(type.event->field(i)->message_type()->name());
        }
    }
    return names;
}

std::vector<std::string_view> kind_names() {
    std::vector<std::string_view> names;
    for (const auto& type : aggregates::registry()) {
        names.push_back(type.kind);
    }
    return names;
}

void check_names(Params& params, std::string_view param, const std::vector<std::string>& given,
                 const std::vector<std::string_view>& known) {
    for (const std::string& name : given) {
        if (std::ranges::find(known, name) == known.end()) {
            const std::string_view near = json::nearest_of(name, known);
            params.fault(param, "there is nothing of that name" +
                                    (near.empty() ? std::string() : "; did you mean " + std::string(near) + "?"));
        }
    }
}

consumers::FeedFilter filter_of(Params& params, std::uint32_t partitions) {
    consumers::FeedFilter filter;
    filter.tenant = params.tenant();
    filter.kinds = params.list("kinds");
    check_names(params, "kinds", filter.kinds, kind_names());
    filter.types = params.list("types");
    check_names(params, "types", filter.types, event_names());
    filter.outcomes = params.flag("outcomes").value_or(false);
    for (const std::string& text : params.list("partitions")) {
        events::Partition partition = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), partition);
        if (error != std::errc{} || end != text.data() + text.size() || partition >= partitions) {
            params.fault("partitions",
                         "expected numbers below " + std::to_string(partitions) + ", with commas between");
        }
        filter.partitions.push_back(partition);
    }
    return filter;
}

void handle_feed(const Context& context, const RequestPtr& request, Responder responder) {
    Params params(*request);
    FeedRequest asked;
    asked.format = accepts(*request, event_stream_type) ? FeedFormat::sse
                   : accepts(*request, delimited_type)  ? FeedFormat::delimited
                                                        : FeedFormat::ndjson;
    asked.follow = params.flag("follow").value_or(asked.format == FeedFormat::sse) && request->method == "GET";
    asked.limit = params.number("limit").value_or(asked.limit);
    if (asked.limit < 1 || asked.limit > most_records) {
        params.fault("limit", "expected 1 to " + std::to_string(most_records));
    }
    auto filter = filter_of(params, context.services.log.identity().partitions);
    std::string cursor = params.text("cursor");
    if (const auto last = request->header("last-event-id"); last && !last->empty()) {
        cursor = std::string(*last);  // a browser that reconnects
    }
    if (cursor == "end") {
        cursor = consumers::Feed::cursor_at_end(context.services.log);
    }
    if (params.problem()) {
        responder.respond(*params.problem());
        return;
    }
    auto place = context.feed_readers.take();
    if (!place) {
        responder.respond(problem(503, "TooManyReaders", "too many readers of the feed are here; try again"));
        return;
    }
    auto feed = consumers::Feed::open(context.services.log, std::move(filter), cursor);
    if (!feed) {
        responder.respond(problem(400, "BadCursor", feed.error(), "cursor"));
        return;
    }
    std::make_shared<FeedStream>(context, std::move(place), std::move(*feed), asked, responder.stream())->start();
}

}  // namespace

void add_feed_routes(Routes& routes, const Context& context) {
    Route route;
    route.method = "GET";
    route.pattern = "/v1/events";
    route.group = "events";
    route.summary = "Every event, from the first or from a cursor on; in order per partition";
    route.params = {
        {"cursor", In::query, Kind::text, "of the last record seen; absent: from the first; \"end\": only what is new"},
        {"kinds", In::query, Kind::text, "of streams, with commas between: sale,customer"},
        {"types", In::query, Kind::text, "of events, with commas between: SaleWon,SaleLost"},
        {"partitions", In::query, Kind::text, "with commas between"},
        {"outcomes", In::query, Kind::flag, "also rejections and commands that changed nothing"},
        {"follow", In::query, Kind::flag,
         "go on with what is new; for text/event-stream it does unless false. An empty "
         "line, a comment, or a message of no bytes, every 10 seconds of silence is a sign of life"},
        {"limit", In::query, Kind::integer, "without follow: at most so many records, 1 to 10000; 1000 if absent"},
        {"Last-Event-ID", In::header, Kind::text, "as cursor; a browser sends it when it reconnects"},
        {"Tidemark-Tenant", In::header, Kind::id, "absent: default"}};
    route.response = v1::EventRecord::descriptor();
    route.response_types = {std::string(ndjson_type), std::string(event_stream_type), std::string(delimited_type)};
    route.streams = true;
    route.handler = [&context](RequestPtr request, Responder responder) {
        handle_feed(context, request, std::move(responder));
    };
    routes.add(std::move(route));
}

}  // namespace tidemark::api
