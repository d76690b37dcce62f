// One delivery of the simulation, step by step, from its plan to its close. Pure; one thread.
#pragma once

#include "aggregates/delivery/delivery.pb.h"
#include "api/simulate/chance.hpp"

#include <deque>
#include <optional>
#include <string>

namespace tidemark::api {

class DeliveryPlay {
public:
    struct Start {
        std::string id, sale_id, customer_id, owner, region, product_id;
        std::int64_t value_minor = 0;
        events::Micros won_at = 0;
    };
    DeliveryPlay(Start start, Chance& chance);

    [[nodiscard]] const std::string& id() const { return start_.id; }
    [[nodiscard]] const std::string& owner() const { return start_.owner; }
    [[nodiscard]] events::Micros first_wait() const { return 2 * 3600 * events::micros_per_second; }
    // Makes the next command; returns how long after it the one behind comes, nothing when it was the last.
    [[nodiscard]] std::optional<events::Micros> step(v1::DeliveryCommand& command, events::Micros now, Chance& chance);

private:
    enum class Step : std::uint8_t {
        plan,
        start,
        begin_task,
        work,
        cost,
        raise_risk,
        close_risk,
        end_task,
        milestone,
        deliver,
        evaluate,
        close
    };
    struct Planned {
        Step step;
        std::size_t task = 0;
    };
    void plan(v1::PlanDelivery& planned, events::Micros now) const;
    [[nodiscard]] std::string task_id(std::size_t task) const { return "t" + std::to_string(task + 1); }
    [[nodiscard]] double task_days() const;

    Start start_;
    std::size_t tasks_;
    double pace_;  // 1: as planned; more: late
    std::deque<Planned> steps_;
};

}  // namespace tidemark::api
