#include "api/import/csv.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>
#include <csv.h>
#include <deque>
#include <system_error>
#include <zlib.h>

namespace tidemark::api {

namespace {

// A record that goes on for longer has a quote that nobody closes.
constexpr std::size_t max_record_bytes = 1 << 20;

struct CloseGz {
    void operator()(gzFile file) const { gzclose(file); }
};
using GzFile = std::unique_ptr<gzFile_s, CloseGz>;

bool is_utf8(std::string_view text) {
    const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    auto left = static_cast<utf8proc_ssize_t>(text.size());
    while (left > 0) {
        utf8proc_int32_t code_point = 0;
        const utf8proc_ssize_t taken = utf8proc_iterate(at, left, &code_point);
        if (taken <= 0) return false;
        at += taken;
        left -= taken;
    }
    return true;
}

// What is not UTF-8 cannot go into a rejects file that is: its bytes are shown as the characters they are in Latin-1.
std::string readable(std::string_view bytes) {
    if (is_utf8(bytes)) return std::string(bytes);
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            text += c;
        } else {
            text += static_cast<char>(0xC0 | (byte >> 6));
            text += static_cast<char>(0x80 | (byte & 0x3F));
        }
    }
    return text;
}

std::string_view without_line_end(std::string_view raw) {
    while (!raw.empty() && (raw.back() == '\n' || raw.back() == '\r')) raw.remove_suffix(1);
    return raw;
}

}  // namespace

struct CsvReader::Impl {
    GzFile file;
    std::uint64_t size = 0;
    csv_parser parser{};
    bool parser_ready = false;
    std::string name;
    std::string buffer;  // read and not yet fed
    std::size_t fed = 0;
    bool at_end = false;
    std::uint64_t line = 0;  // physical lines fed so far
    std::uint64_t record_line = 1;
    std::string raw;  // physical lines of the record under way
    std::vector<std::string> fields;
    bool complete = false;  // the parser has seen the end of a record
    std::vector<std::string> columns;

    ~Impl() {
        if (parser_ready) csv_free(&parser);
    }

    [[nodiscard]] bool start_parser() {
        if (parser_ready) csv_free(&parser);
        parser_ready = csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) == 0;
        // Blanks belong to the field: libcsv would trim them.
        csv_set_space_func(&parser, [](unsigned char) { return 0; });
        return parser_ready;
    }

    static void on_field(void* text, std::size_t bytes, void* self) {
        static_cast<Impl*>(self)->fields.emplace_back(static_cast<const char*>(text), bytes);
    }
    static void on_record(int, void* self) { static_cast<Impl*>(self)->complete = true; }
    // False: its quotes are wrong.
    [[nodiscard]] bool parse(std::string_view bytes) {
        return csv_parse(&parser, bytes.data(), bytes.size(), on_field, on_record, this) == bytes.size();
    }

    // Appends the next physical line to `raw`; false at the end of the file. A line that is too long is cut off.
    std::expected<bool, std::string> take_line(std::string_view& taken) {
        for (;;) {
            const auto* from = buffer.data() + fed;
            if (const auto* end = static_cast<const char*>(std::memchr(from, '\n', buffer.size() - fed))) {
                return take(static_cast<std::size_t>(end - from) + 1, taken);
            }
            if (at_end) return buffer.size() > fed ? take(buffer.size() - fed, taken) : false;
            if (buffer.size() - fed > max_record_bytes) return take(max_record_bytes + 1, taken);
            if (auto filled = fill(); !filled) return std::unexpected(filled.error());
        }
    }
    // Passes over the rest of a line that was cut off, without holding it.
    std::expected<void, std::string> skip_line() {
        while (!at_end) {
            const auto end = buffer.find('\n', fed);
            fed = end == std::string::npos ? buffer.size() : end + 1;
            if (end != std::string::npos) break;
            if (auto filled = fill(); !filled) return filled;
        }
        return {};
    }
    std::expected<void, std::string> fill() {
        buffer.erase(0, fed);
        fed = 0;
        const std::size_t had = buffer.size();
        buffer.resize(had + (64 << 10));
        const int got = gzread(file.get(), buffer.data() + had, 64 << 10);
        // At the end too: a gzipped file that stops short reads as one that ends, and tells by its error alone.
        int code = Z_OK;
        const char* why = gzerror(file.get(), &code);
        if (code == Z_BUF_ERROR) return std::unexpected(name + ": ends in the middle; is it copied whole?");
        if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) return std::unexpected(name + ": " + why);
        buffer.resize(had + static_cast<std::size_t>(got));
        at_end = got == 0;
        return {};
    }
    bool take(std::size_t bytes, std::string_view& taken) {
        const std::size_t before = raw.size();
        raw.append(buffer, fed, bytes);
        taken = std::string_view(raw).substr(before);
        fed += bytes;
        ++line;
        return true;
    }

    CsvRecord broken_record(std::string why) {
        CsvRecord record{.line = record_line, .fields = {readable(without_line_end(raw))}, .broken = std::move(why)};
        raw.clear();
        fields.clear();
        return record;
    }

    // A record out of what the parser found, checked against the header.
    CsvRecord finish_record() {
        if (!columns.empty() && fields.size() != columns.size()) {
            return broken_record("has " + std::to_string(fields.size()) + " fields where the header has " +
                                 std::to_string(columns.size()));
        }
        if (!std::ranges::all_of(fields, is_utf8)) return broken_record("is not UTF-8");
        CsvRecord record{.line = record_line, .fields = std::move(fields), .broken = {}};
        fields.clear();
        raw.clear();
        return record;
    }

    std::expected<std::optional<CsvRecord>, std::string> next() {
        raw.clear();
        fields.clear();
        complete = false;
        record_line = line + 1;
        for (;;) {
            std::string_view taken;
            auto more = take_line(taken);
            if (!more) return std::unexpected(more.error());
            if (!*more) return end_of_file();
            if (taken.size() > max_record_bytes) {
                if (!taken.ends_with('\n')) {
                    if (auto skipped = skip_line(); !skipped) return std::unexpected(skipped.error());
                }
                if (!start_parser()) return std::unexpected(name + ": no memory for the parser");
                return broken_record("a line is longer than 1 MiB; only its beginning is kept here");
            }
            const std::string_view inside = without_line_end(taken);
            if (!parse(inside)) {
                if (!start_parser()) return std::unexpected(name + ": no memory for the parser");
                return broken_record(
                    "a quote stands inside a field that is not quoted, or text behind a closing quote");
            }
            // libcsv ends a record at CR too: the fields of two would pass for those of one.
            if (complete) {
                if (!start_parser()) return std::unexpected(name + ": no memory for the parser");
                return broken_record("a CR that is not part of a line end stands outside quotes");
            }
            (void)parse(taken.substr(inside.size()));  // a line end is never wrong
            if (complete) return finish_record();
            if (without_line_end(raw).empty()) {  // a blank line
                raw.clear();
                record_line = line + 1;
            }
            if (raw.size() > max_record_bytes) {
                if (!start_parser()) return std::unexpected(name + ": no memory for the parser");
                return broken_record("a quote is opened and not closed within 1 MiB");
            }
        }
    }

    std::expected<std::optional<CsvRecord>, std::string> end_of_file() {
        if (raw.empty()) return std::optional<CsvRecord>{};
        const bool sound = csv_fini(&parser, on_field, on_record, this) == 0;
        if (!sound) {
            if (!start_parser()) return std::unexpected(name + ": no memory for the parser");
            return broken_record("a quote is opened and not closed before the end of the file");
        }
        return finish_record();
    }
};

CsvReader::CsvReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CsvReader::CsvReader(CsvReader&&) noexcept = default;
CsvReader& CsvReader::operator=(CsvReader&&) noexcept = default;
CsvReader::~CsvReader() = default;

std::expected<CsvReader, std::string> CsvReader::open(const std::filesystem::path& path) {
    auto impl = std::make_unique<Impl>();
    impl->name = path.string();
    std::error_code error;
    impl->size = std::filesystem::file_size(path, error);
    if (error) return std::unexpected(impl->name + ": " + error.message());
    impl->file.reset(gzopen(path.c_str(), "rb"));  // reads what is not gzipped as it is
    if (!impl->file) return std::unexpected(impl->name + ": " + std::generic_category().message(errno));
    if (!impl->start_parser()) return std::unexpected(impl->name + ": no memory for the parser");

    auto header = impl->next();
    if (!header) return std::unexpected(header.error());
    if (!*header) return std::unexpected(impl->name + ": is empty; the first line must name the columns");
    CsvRecord& first = **header;
    if (!first.broken.empty()) return std::unexpected(impl->name + ": the header " + first.broken);
    if (first.fields[0].starts_with("\xEF\xBB\xBF")) first.fields[0].erase(0, 3);
    for (std::size_t i = 0; i < first.fields.size(); ++i) {
        if (std::find(first.fields.begin(), first.fields.begin() + static_cast<std::ptrdiff_t>(i), first.fields[i]) !=
            first.fields.begin() + static_cast<std::ptrdiff_t>(i)) {
            return std::unexpected(impl->name + ": two columns are named '" + first.fields[i] + "'");
        }
    }
    impl->columns = std::move(first.fields);
    return CsvReader(std::move(impl));
}

const std::vector<std::string>& CsvReader::columns() const {
    return impl_->columns;
}
std::expected<std::optional<CsvRecord>, std::string> CsvReader::next() {
    return impl_->next();
}
std::uint64_t CsvReader::bytes_read() const {
    const auto offset = gzoffset(impl_->file.get());
    return offset < 0 ? 0 : static_cast<std::uint64_t>(offset);
}
std::uint64_t CsvReader::bytes_total() const {
    return impl_->size;
}

std::string csv_line(const std::vector<std::string>& fields) {
    // Without quotes it would be a blank line, which is no record.
    if (fields.size() == 1 && fields.front().empty()) return "\"\"\r\n";
    std::string line;
    for (const std::string& field : fields) {
        if (&field != fields.data()) line += ',';
        if (field.find_first_of(",\"\r\n") == std::string::npos) {
            line += field;
            continue;
        }
        std::string quoted(field.size() * 2 + 2, '\0');
        quoted.resize(csv_write(quoted.data(), quoted.size(), field.data(), field.size()));
        line += quoted;
    }
    return line + "\r\n";
}

}  // namespace tidemark::api
