#include "projections/rejections/rejections.hpp"

#include "projections/keys.hpp"

#include <map>

namespace tidemark::projections::rejections {

namespace {

// Rows by place in time; of the others each key is a value, then the place.
enum Table : std::uint32_t { rows, by_actor, by_command, by_code, counts };

Key& append_place(Key& key, const events::RecordHeader& header) {
    return key.time(header.recorded_at).number(header.partition).number(header.sequence);
}

void count(const Event& event, std::string_view what, std::string_view value, Rows& store) {
    auto& row = store.row<v1::RejectionCountRow>(counts, Key(event.header.tenant).text(what).text(value));
    row.set_count(row.count() + 1);
}

void index(const Event& event, std::uint32_t table, std::string_view what, std::string_view value, Rows& store) {
    Key key(event.header.tenant);
    store.put(table, append_place(key.text(value), event.header), {});
    count(event, what, value, store);
}

void apply(const Event& event, Rows& store) {
    const auto* rejection = std::get_if<v1::Rejection>(&event.payload);
    if (rejection == nullptr) return;
    const auto& header = event.header;
    Key key(header.tenant);
    auto& row = store.row<v1::RejectedCommand>(rows, append_place(key, header));
    row.set_recorded_at(header.recorded_at);
    row.set_occurred_at(header.occurred_at);
    row.set_actor(std::string(header.actor));
    row.set_on_behalf_of(std::string(header.on_behalf_of));
    row.set_stream_kind(std::string(header.stream_kind));
    row.set_stream_id(std::string(header.stream_id));
    row.set_command_id(std::string(header.command_id));
    *row.mutable_rejection() = *rejection;
    row.set_partition(header.partition);
    row.set_sequence(header.sequence);
    index(event, by_actor, "actor", header.actor, store);
    index(event, by_command, "command", rejection->command(), store);
    index(event, by_code, "code", rejection->code(), store);
}

void add_counts(const ViewReader& view, std::string_view tenant, std::string_view what,
                google::protobuf::RepeatedPtrField<v1::RejectionCount>& out) {
    const Key prefix = Key(tenant).text(what);
    view.scan(counts, prefix, range_end(prefix), [&](std::string_view key, std::string_view value) {
        key.remove_prefix(prefix.view().size());
        const auto name = take_text(key);
        if (out.empty() || out.rbegin()->value() != name) out.Add()->set_value(name);  // one row from each shard
        out.rbegin()->set_count(out.rbegin()->count() + parse_row<v1::RejectionCountRow>(value).count());
        return true;
    });
}

}  // namespace

Projection make() {
    return {.name = std::string(view_name),
            .version = 1,
            .tables = {"rows", "by_actor", "by_command", "by_code", "counts"},
            .apply = apply};
}

std::expected<v1::RejectedCommands, QueryError> query_list(const ViewReader& view, const ListQuery& query) {
    v1::RejectedCommands answer;
    const auto take = [&](v1::RejectedCommand row) {
        if (!passes(query.actor, row.actor()) || !passes(query.command, row.rejection().command()) ||
            !passes(query.code, row.rejection().code()))
            return false;
        *answer.add_rejections() = std::move(row);
        return true;
    };
    const auto take_row = [&](std::string_view, std::string_view value) {
        return take(parse_row<v1::RejectedCommand>(value));
    };
    const auto take_indexed = [&](std::string_view place, std::string_view) {
        auto row = view.row<v1::RejectedCommand>(rows, Key(query.tenant).id(place));
        return row && take(std::move(*row));
    };
    const auto indexed = [&](std::uint32_t table, std::string_view value) {
        return walk(view, table, Key(query.tenant).text(value), query.page, Order::descending, take_indexed);
    };
    auto next = !query.actor.empty()     ? indexed(by_actor, query.actor)
                : !query.code.empty()    ? indexed(by_code, query.code)
                : !query.command.empty() ? indexed(by_command, query.command)
                                         : walk(view, rows, Key(query.tenant), query.page, Order::descending, take_row);
    if (!next) return std::unexpected(next.error());
    answer.set_next_cursor(*next);
    return answer;
}

v1::RejectionCounts query_counts(const ViewReader& view, std::string_view tenant) {
    v1::RejectionCounts answer;
    add_counts(view, tenant, "actor", *answer.mutable_by_actor());
    add_counts(view, tenant, "command", *answer.mutable_by_command());
    add_counts(view, tenant, "code", *answer.mutable_by_code());
    for (const auto& code : answer.by_code()) answer.set_total(answer.total() + code.count());
    return answer;
}

}  // namespace tidemark::projections::rejections
