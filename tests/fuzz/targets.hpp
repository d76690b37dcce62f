// What is fed with bytes that nobody sent. Each target returns for any input, or stops the program: a crash, a
// sanitizer's word, or a broken promise. scripts/fuzz runs them under libFuzzer; fuzz_corpus_test.cpp keeps what was
// found from coming back.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tidemark::tests::fuzz {

struct Target {
    const char* name;  // of its folder in tests/fuzz/corpus
    void (*run)(std::string_view input);
};

void record(std::string_view input);          // events/record, and the payload behind it
void block(std::string_view input);           // events/block
void http_head(std::string_view input);       // api/http/strict, held against Boost.Beast
void query(std::string_view input);           // what follows the ? of a target, and the times in it
void ndjson(std::string_view input);          // api/http/bulk_reader and api/json
void delimited(std::string_view input);       // the same, length-delimited Protobuf
void mapping(std::string_view input);         // api/import/mapping, and what it makes of a row
void csv(std::string_view input);             // api/import/csv
void cursor(std::string_view input);          // consumers/feed/cursor
void position_token(std::string_view input);  // consumers/position_token

inline constexpr Target all[] = {{"record", record},       {"block", block},
                                 {"http_head", http_head}, {"query", query},
                                 {"ndjson", ndjson},       {"delimited", delimited},
                                 {"mapping", mapping},     {"csv", csv},
                                 {"cursor", cursor},       {"position_token", position_token}};

// A promise that must hold for every input.
inline void must(bool holds, const char* promise) {
    if (holds) return;
    std::fprintf(stderr, "broken promise: %s\n", promise);
    std::abort();
}

}  // namespace tidemark::tests::fuzz
