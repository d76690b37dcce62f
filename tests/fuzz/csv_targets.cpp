// Bytes that claim to be a CSV file. Whatever they are, records come in the order of their lines, and what was read as
// a record is read again from the line that is written of it.
#include "api/import/csv.hpp"
#include "tests/fuzz/targets.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace tidemark::tests::fuzz {
namespace {

// A file that is never on a disk: the reader opens files by name.
class MemoryFile {
public:
    explicit MemoryFile(std::string_view bytes) : descriptor_(::memfd_create("fuzz.csv", 0)) {
        must(descriptor_ >= 0, "there is memory for a file");
        must(::write(descriptor_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
             "there is memory for a file");
    }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile() { ::close(descriptor_); }

    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

private:
    int descriptor_;
};

using Rows = std::vector<std::vector<std::string>>;

// What is whole in it. Stops, as an import does, where the medium fails (a gzipped file that is cut off).
Rows read(const MemoryFile& file) {
    auto reader = api::CsvReader::open(file.path());
    if (!reader) return must(!reader.error().empty(), "an error says what is wrong"), Rows();
    const std::size_t columns = reader->columns().size();
    Rows rows;
    for (std::uint64_t line = 0;;) {
        auto next = reader->next();
        if (!next || !*next) return rows;
        api::CsvRecord& record = **next;
        must(record.line > line, "records come in the order of their lines");
        line = record.line;
        must(record.fields.size() == (record.broken.empty() ? columns : 1), "a record has the fields of the header");
        if (record.broken.empty()) rows.push_back(std::move(record.fields));
    }
}

}  // namespace

void csv(std::string_view input) {
    const Rows rows = read(MemoryFile(input));
    if (rows.empty()) return;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < rows.front().size(); ++i) names.push_back(std::to_string(i));
    std::string written = api::csv_line(names);
    for (const auto& row : rows) written += api::csv_line(row);
    must(read(MemoryFile(written)) == rows, "what was read is read again from what is written of it");
}

}  // namespace tidemark::tests::fuzz
