// A sales operation as a stream of commands: customers come, sales are opened, move through the stages, are won,
// lost, reopened and corrected; what was won is delivered. Pure: the options give the stream, always the same
// one; no clock. Times are those of working days; bigger products take longer; owners differ.
#pragma once

#include "aggregates/command.pb.h"
#include "events/ids.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace tidemark::api {

struct OperationOptions {
    std::uint64_t seed = 1;
    std::uint32_t days = 1;
    std::uint32_t customers = 200;     // that there are in the beginning
    std::uint32_t sales_per_day = 60;  // opened on an average working day
    std::int32_t end = 0;              // the day after the last one, in days since 1970-01-01
};

// One thread.
class SalesOperation {
public:
    explicit SalesOperation(OperationOptions options);
    ~SalesOperation();
    // In the order of occurred_at; nothing when the last day is over. Ids carry the options' fingerprint, so that
    // two operations never meet; the same one sent again changes nothing.
    [[nodiscard]] std::optional<v1::Command> next();
    // How much of the time has passed, for a progress bar: 0 to 1,000.
    [[nodiscard]] std::uint64_t permille() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::api
