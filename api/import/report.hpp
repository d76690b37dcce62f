// What an import did, told per file: rows, what was mended, skipped, noted, rejected and why.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

namespace tidemark::api {

struct RejectedRow {
    std::uint64_t line = 0;
    std::string column;  // empty: none in particular
    std::string why;
};

struct FileReport {
    std::string file;
    std::uint64_t rows = 0;
    std::map<std::string, std::uint64_t> skipped;  // reason -> rows
    std::map<std::string, std::uint64_t> noted;    // remark -> rows
    std::map<std::string, std::uint64_t> mended;   // "product_names: 'GTXPro' -> 'GTX Pro'" -> rows
    std::uint64_t rejected_rows = 0;
    std::vector<RejectedRow> rejected;  // the first 1,000; all are in the rejects file
    std::string rejects_path;
};

struct ImportReport {
    std::vector<FileReport> files;
    std::uint64_t commands = 0;
    std::uint64_t accepted = 0;
    std::uint64_t unchanged = 0;
    std::uint64_t repeated = 0;  // counted in accepted and unchanged too: they had been answered before
    std::uint64_t rejected = 0;

    [[nodiscard]] std::uint64_t rejected_rows() const;
    void print(std::ostream& out) const;
    void print_json(std::ostream& out) const;
};

}  // namespace tidemark::api
