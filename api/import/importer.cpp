#include "api/import/importer.hpp"

#include "aggregates/validate.hpp"
#include "api/import/build.hpp"

#include <algorithm>
#include <iterator>

namespace tidemark::api {

namespace {

// The column that a rejects file has more than the file it comes from. Never part of a row's content.
constexpr std::string_view reason_column = "rejected_because";
constexpr std::size_t rows_remembered = 1'000;

// sales.csv for sales.csv, sales.csv.gz, sales.rejects.csv and sales.rejects.2.csv.
std::string plain_name(const std::filesystem::path& path) {
    std::string name = path.filename().string();
    if (name.ends_with(".gz")) name.resize(name.size() - 3);
    static const std::regex rejects(R"(\.rejects(\.\d+)?(?=\.[^.]*$))");
    return std::regex_replace(name, rejects, "");
}

// sales.rejects.csv, sales.rejects.2.csv ...
std::filesystem::path rejects_path(const std::filesystem::path& directory, const std::string& plain, int number) {
    const std::filesystem::path name(plain);
    const std::string count = number == 1 ? "" : "." + std::to_string(number);
    return directory / (name.stem().string() + ".rejects" + count + name.extension().string());
}
// Never one that is there, for somebody may be mending it.
std::filesystem::path free_rejects_path(const std::filesystem::path& directory, const std::string& plain) {
    for (int number = 1;; ++number) {
        auto path = rejects_path(directory, plain, number);
        if (!std::filesystem::exists(path)) return path;
    }
}

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Length before text, so that no two lists of texts look alike.
void add_text(std::string& content, std::string_view text) {
    content += std::to_string(text.size());
    content += ':';
    content += text;
}

}  // namespace

struct Importer::OpenFile {
    FilePlan* plan;
    std::filesystem::path path;
    CsvReader reader;
    std::vector<std::optional<std::size_t>> column_of_slot;
    std::vector<std::size_t> content_columns;  // in order of their names
    std::size_t report = 0;
    std::ofstream rejects;

    [[nodiscard]] std::string content(const std::vector<std::string>& fields) const {
        std::string all;
        for (const std::size_t column : content_columns) {
            add_text(all, reader.columns()[column]);
            add_text(all, fields[column]);
        }
        return all;
    }
};

struct Importer::Row {
    OpenFile* file;
    CsvRecord record;
    Scope scope;
    bool rejected = false;
};

Importer::Importer(Mapping mapping, ImportOptions options)
    : mapping_(std::move(mapping)), options_(std::move(options)), digests_(options_.key) {}
Importer::~Importer() = default;

std::expected<std::unique_ptr<Importer>, std::string> Importer::open(Mapping mapping,
                                                                     const std::vector<std::filesystem::path>& files,
                                                                     ImportOptions options) {
    std::unique_ptr<Importer> importer(new Importer(std::move(mapping), std::move(options)));
    if (importer->options_.key.empty()) {
        return std::unexpected("a key for the digests behind command ids is needed");
    }
    if (auto found = importer->find_files(files); !found) return std::unexpected(found.error());
    if (auto loaded = importer->load_lookups(files); !loaded) return std::unexpected(loaded.error());
    if (auto started = importer->make_start(); !started) return std::unexpected(started.error());
    return importer;
}

std::expected<void, std::string> Importer::find_files(const std::vector<std::filesystem::path>& given) {
    std::set<std::filesystem::path> used;
    for (FilePlan& plan : mapping_.files) {
        for (const auto& path : given) {
            if (plain_name(path) != plan.file) continue;
            std::error_code error;
            bytes_total_ += std::filesystem::file_size(path, error);
            if (error) return std::unexpected(path.string() + ": " + error.message());
            to_read_.emplace_back(&plan, path);
            used.insert(path);
        }
    }
    for (const auto& path : given) {
        const bool lookup = std::ranges::any_of(
            mapping_.tables->lookups, [&](const auto& entry) { return entry.second.file == plain_name(path); });
        if (used.contains(path) || lookup) continue;
        std::string known;
        for (const FilePlan& plan : mapping_.files) known += (known.empty() ? "" : ", ") + plan.file;
        return std::unexpected(path.string() + ": the mapping says nothing about such a file; it knows " + known);
    }
    if (to_read_.empty()) return std::unexpected("none of the files is one that the mapping makes commands of");
    return {};
}

std::expected<void, std::string> Importer::load_lookups(const std::vector<std::filesystem::path>& given) {
    for (auto& [name, table] : mapping_.tables->lookups) {
        const auto path = std::ranges::find_if(given, [&](const auto& one) { return plain_name(one) == table.file; });
        if (path == given.end())
            return std::unexpected("look-up '" + name + "' needs " + table.file + ": name it among the files");
        auto reader = CsvReader::open(*path);
        if (!reader) return std::unexpected(reader.error());
        table.columns = reader->columns();
        const auto key = std::ranges::find(table.columns, table.key);
        if (key == table.columns.end()) return std::unexpected(path->string() + ": has no column '" + table.key + "'");
        for (;;) {
            auto record = reader->next();
            if (!record) return std::unexpected(record.error());
            if (!*record) break;
            if (!(*record)->broken.empty()) {
                return std::unexpected(path->string() + ":" + std::to_string((*record)->line) + ": " +
                                       (*record)->broken);
            }
            auto fields = std::move((*record)->fields);
            const std::string id = fields[static_cast<std::size_t>(key - table.columns.begin())];
            table.rows.emplace(id, std::move(fields));
        }
    }
    return {};
}

std::string Importer::command_id(std::string_view content) const {
    // Keyed: rows may be about persons, and who guesses a row must not be able to find its command.
    return mapping_.source + ":" + events::hex(digests_.of(content)).substr(0, 32);
}

std::expected<void, std::string> Importer::make_start() {
    Scope scope{.names = &mapping_.no_names.all()};
    for (const CommandPlan& plan : mapping_.start) {
        auto command = build_command(plan, scope);
        if (!command) return std::unexpected("start: " + plan.command->name() + ": " + command.error().why);
        std::string content = plan.command->full_name();
        add_text(content, command->SerializeAsString());
        command->set_tenant(mapping_.tenant);
        command->set_actor(mapping_.actor);
        command->set_reason(mapping_.reason);
        command->set_command_id(command_id(content));
        if (auto fault = aggregates::validate(*command)) {
            return std::unexpected("start: " + plan.command->name() + ": " + fault->field() + ": " + fault->detail());
        }
        under_way_[next_tag_] = {.row = nullptr, .plan = &plan};
        ready_.push_back({std::move(*command), next_tag_++});
    }
    return {};
}

std::expected<void, std::string> Importer::open_file() {
    auto [plan, path] = to_read_.front();
    to_read_.pop_front();
    auto reader = CsvReader::open(path);
    if (!reader) return std::unexpected(reader.error());
    const auto& columns = reader->columns();
    auto file = std::make_unique<OpenFile>(OpenFile{.plan = plan, .path = path, .reader = std::move(*reader)});
    for (std::size_t slot = 0; slot < plan->names.all().size(); ++slot) {
        const std::string& name = plan->names.all()[slot];
        const auto column = std::ranges::find(columns, name);
        const bool derived = std::ranges::any_of(plan->derived, [&](const Derived& one) { return one.slot == slot; });
        if (column == columns.end() && !derived) {
            return std::unexpected(path.string() + ": has no column '" + name + "', which the mapping uses");
        }
        file->column_of_slot.push_back(derived ? std::nullopt
                                               : std::optional(static_cast<std::size_t>(column - columns.begin())));
    }
    for (std::size_t column = 0; column < columns.size(); ++column) {
        if (columns[column] != reason_column) file->content_columns.push_back(column);
    }
    std::ranges::sort(file->content_columns, {}, [&](std::size_t column) { return columns[column]; });
    file->report = report_.files.size();
    report_.files.push_back({.file = path.filename().string()});
    if (!files_.empty()) bytes_before_ += files_.back()->reader.bytes_total();
    files_.push_back(std::move(file));
    return {};
}

std::expected<std::optional<TaggedCommand>, std::string> Importer::next() {
    while (ready_.empty()) {
        if (!failure_.empty()) return std::unexpected(failure_);
        std::optional<CsvRecord> record;
        if (!files_.empty()) {
            auto read = files_.back()->reader.next();
            if (!read) return std::unexpected(read.error());
            record = std::move(*read);
        }
        if (record) {
            auto row = std::make_shared<Row>(Row{.file = files_.back().get(), .record = std::move(*record)});
            ++report_.files[row->file->report].rows;
            make_commands(row);
        } else if (to_read_.empty()) {
            return std::optional<TaggedCommand>{};
        } else if (auto opened = open_file(); !opened) {
            return std::unexpected(opened.error());
        }
    }
    std::optional<TaggedCommand> command(std::move(ready_.front()));
    ready_.pop_front();
    ++report_.commands;
    return command;
}

void Importer::make_commands(const std::shared_ptr<Row>& row) {
    if (!row->record.broken.empty()) return reject(*row, {.column = {}, .why = row->record.broken});
    const OpenFile& file = *row->file;
    row->scope.names = &file.plan->names.all();
    row->scope.personal = &file.plan->personal;
    row->scope.values.resize(file.column_of_slot.size());
    for (std::size_t slot = 0; slot < file.column_of_slot.size(); ++slot) {
        if (file.column_of_slot[slot]) row->scope.values[slot] = row->record.fields[*file.column_of_slot[slot]];
    }
    std::vector<TaggedCommand> made;
    if (auto planned = plan_row(row, made); !planned) return reject(*row, planned.error());
    for (const std::string& what : row->scope.mended) ++report_.files[file.report].mended[what];
    for (TaggedCommand& one : made) ready_.push_back(std::move(one));
}

// All commands of a row, or none: nothing of a row with a fault is sent.
std::expected<void, Fault> Importer::plan_row(const std::shared_ptr<Row>& row, std::vector<TaggedCommand>& made) {
    OpenFile& file = *row->file;
    FileReport& told = report_.files[file.report];
    for (const RowRule& rule : file.plan->skip) {
        const auto skips = rule.when.holds(row->scope);
        if (!skips) return std::unexpected(skips.error());
        if (*skips) {
            ++told.skipped[rule.because];
            return {};
        }
    }
    for (const Derived& derived : file.plan->derived) {
        auto value = derived.value.eval(row->scope);
        if (!value) return std::unexpected(value.error());
        row->scope.values[derived.slot] = std::move(*value);
    }
    std::string identity = file.plan->file;
    for (const std::size_t slot : file.plan->key) {
        if (row->scope.values[slot].empty())
            return std::unexpected(Fault{file.plan->names.all()[slot], "is empty, and it says which row this is"});
        add_text(identity, row->scope.values[slot]);
    }
    add_text(identity, file.content(row->record.fields));

    std::vector<const CommandPlan*> plans;
    for (const CommandPlan& plan : file.plan->commands) {
        const auto wanted = plan.when.holds(row->scope);
        if (!wanted) return std::unexpected(wanted.error());
        if (!*wanted) continue;
        auto command = build_command(plan, row->scope);
        if (!command) return std::unexpected(command.error());
        std::string content = plan.command->full_name() + std::to_string(plan.number);
        add_text(content, plan.once ? command->SerializeAsString() : identity);
        command->set_tenant(mapping_.tenant);
        command->set_actor(mapping_.actor);
        command->set_reason(mapping_.reason);
        command->set_command_id(command_id(content));
        if (plan.once && sent_once_.contains(command->command_id())) continue;
        if (const auto broken = aggregates::validate(*command)) {
            return std::unexpected(Fault{column_of(plan, broken->field(), *file.plan), broken->detail()});
        }
        made.push_back({.command = std::move(*command)});
        plans.push_back(&plan);
    }
    for (const RowRule& rule : file.plan->note) {
        const auto noted = rule.when.holds(row->scope);
        if (!noted) return std::unexpected(noted.error());
        if (*noted) ++told.noted[rule.because];
    }
    for (std::size_t i = 0; i < made.size(); ++i) {
        // Only now: a row that is dropped for a later fault has sent nothing.
        if (plans[i]->once) sent_once_.insert(made[i].command.command_id());
        made[i].tag = next_tag_++;
        under_way_[made[i].tag] = {.row = row, .plan = plans[i]};
    }
    return {};
}

void Importer::answered(std::uint64_t tag, const v1::Outcome& outcome) {
    const auto found = under_way_.find(tag);
    if (found == under_way_.end()) return;  // answered twice after a resend: the first answer was the same
    const UnderWay asked = std::move(found->second);
    under_way_.erase(found);
    if (outcome.repeated()) ++report_.repeated;
    switch (outcome.status()) {
        case v1::ACCEPTED:
            ++report_.accepted;
            if (!outcome.repeated()) ++report_.accepted_now;
            return;
        case v1::UNCHANGED:
            ++report_.unchanged;
            if (!outcome.repeated()) ++report_.unchanged_now;
            return;
        default: break;
    }
    ++report_.rejected;
    const v1::Rejection& rejection = outcome.rejection();
    if (!asked.row) {
        report_.files.push_back({.file = "start: " + asked.plan->command->name(), .rejected_rows = 1});
        report_.files.back().rejected.push_back({.line = 0, .column = {}, .why = rejection.detail()});
        return;
    }
    reject(*asked.row, {column_of(*asked.plan, rejection.field(), *asked.row->file->plan),
                        rejection.code() + ": " + rejection.detail()});
}

// Once per row: what follows from the first fault is not told again.
void Importer::reject(Row& row, const Fault& fault) {
    if (std::exchange(row.rejected, true)) return;
    OpenFile& file = *row.file;
    FileReport& told = report_.files[file.report];
    ++told.rejected_rows;
    // What is shown and logged never holds what belongs to a person; the rejects file holds the row anyway.
    const bool personal = std::ranges::any_of(
        file.plan->personal, [&](std::size_t slot) { return file.plan->names.all()[slot] == fault.column; });
    const std::string why = personal ? "its value is not allowed (not shown: it belongs to a person)" : fault.why;
    if (told.rejected.size() < rows_remembered) told.rejected.push_back({row.record.line, fault.column, why});

    if (auto written = write_reject(file, row.record, (fault.column.empty() ? "" : fault.column + ": ") + why);
        !written) {
        failure_ = written.error();
    }
}

std::expected<void, std::string> Importer::write_reject(OpenFile& file, const CsvRecord& record, std::string why) {
    FileReport& told = report_.files[file.report];
    const auto& columns = file.reader.columns();
    const bool had_reason = !columns.empty() && columns.back() == reason_column;
    const std::size_t own = columns.size() - (had_reason ? 1 : 0);
    if (!file.rejects.is_open()) {
        told.rejects_path = free_rejects_path(options_.rejects_directory, plain_name(file.path));
        file.rejects.open(told.rejects_path, std::ios::binary);
        std::vector<std::string> header(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(own));
        header.emplace_back(reason_column);
        file.rejects << csv_line(header);
    }
    std::vector<std::string> line = record.fields;
    line.resize(own);
    line.push_back(std::move(why));
    file.rejects << csv_line(line) << std::flush;
    if (!file.rejects)
        return std::unexpected(told.rejects_path + ": cannot be written; the rejected rows would be lost");
    return {};
}

// A rejects file that says what one says that is there already is not kept beside it.
void Importer::finish() {
    for (const auto& file : files_) {
        if (!file->rejects.is_open()) continue;
        file->rejects.close();
        FileReport& told = report_.files[file->report];
        const std::string made = content_of(told.rejects_path);
        for (int number = 1;; ++number) {
            const auto other = rejects_path(options_.rejects_directory, plain_name(file->path), number);
            if (other == told.rejects_path || !std::filesystem::exists(other)) break;
            if (content_of(other) != made) continue;
            std::error_code ignored;  // one too many does no harm
            std::filesystem::remove(told.rejects_path, ignored);
            told.rejects_path = other.string();
            break;
        }
    }
}

std::uint64_t Importer::bytes_read() const {
    return bytes_before_ + (files_.empty() ? 0 : files_.back()->reader.bytes_read());
}

}  // namespace tidemark::api
