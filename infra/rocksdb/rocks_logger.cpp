#include "infra/rocksdb/rocks_logger.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace tidemark::infra {

namespace {

class RocksLogger final : public rocksdb::Logger {
public:
    RocksLogger() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

    using rocksdb::Logger::Logv;
    void Logv(const char* format, va_list arguments) override { write(spdlog::level::warn, format, arguments); }
    void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
        if (level >= GetInfoLogLevel()) {
            const bool header = level == rocksdb::InfoLogLevel::HEADER_LEVEL;
            write(header ? spdlog::level::debug : spdlog::level::warn, format, arguments);
        }
    }

private:
    static void write(spdlog::level::level_enum level, const char* format, va_list arguments) {
        if (!spdlog::should_log(level)) {
            return;
        }
        std::array<char, 1024> line;
        const int length = std::vsnprintf(line.data(), line.size(), format, arguments);
        std::string_view said(line.data(), length > 0 ? std::strlen(line.data()) : 0);
        while (said.ends_with('\n')) {
            said.remove_suffix(1);
        }
        // Said of every ingested run: SstFileWriter knows no database id to make one of.
        const bool expected = said.find("without unique ID to verify") != std::string_view::npos;
        spdlog::log(expected ? spdlog::level::debug : level, "rocksdb: {}", said);
    }
};

}  // namespace

std::shared_ptr<rocksdb::Logger> rocks_logger() {
    return std::make_shared<RocksLogger>();
}

}  // namespace tidemark::infra
