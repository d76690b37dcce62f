// Reads a CSV file (RFC 4180), plain or gzipped, record by record. UTF-8 with or without a byte order
// mark. A record that is broken (quotes, number of fields, not UTF-8) is handed out as such and reading
// goes on behind it: nothing is lost. The only file pair that knows libcsv and zlib. One thread.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::api {

struct CsvRecord {
    std::uint64_t line = 0;           // where it begins in the file, from 1
    std::vector<std::string> fields;  // as many as the header has, unless broken
    std::string broken;  // why it is not a record; empty: it is one. `fields` then holds its raw text alone
};

class CsvReader {
public:
    // Opens the file and reads the header. An error says what is wrong with the file.
    [[nodiscard]] static std::expected<CsvReader, std::string> open(const std::filesystem::path& path);
    CsvReader(CsvReader&&) noexcept;
    CsvReader& operator=(CsvReader&&) noexcept;
    ~CsvReader();

    [[nodiscard]] const std::vector<std::string>& columns() const;
    // The next record; nothing at the end of the file. Blank lines are passed over. An error is of the medium.
    [[nodiscard]] std::expected<std::optional<CsvRecord>, std::string> next();
    // How much of the file has been read, in bytes on disk, and how many there are: for a progress bar.
    [[nodiscard]] std::uint64_t bytes_read() const;
    [[nodiscard]] std::uint64_t bytes_total() const;

private:
    struct Impl;
    explicit CsvReader(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// One record as a line of CSV, quoted where needed, with its line end.
[[nodiscard]] std::string csv_line(const std::vector<std::string>& fields);

}  // namespace tidemark::api
