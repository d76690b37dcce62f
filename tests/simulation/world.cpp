#include "tests/simulation/world.hpp"

#include "tests/simulation/audit.hpp"
#include "tests/support/commands.hpp"

#include <ostream>

namespace tidemark::tests::simulation {
namespace {

constexpr std::uint64_t most_crashes = 6;
constexpr int patience = 20'000;  // rounds in which a kind world answers everything
constexpr std::int64_t one_second = 1'000'000;

ProcessOptions process_options(Dice& dice) {
    ProcessOptions options;
    options.processor.queue_commands = dice.one_in(4) ? 5 : 1'000;
    options.processor.group_records = dice.between(1, 20);
    options.processor.cache_bytes = dice.one_in(3) ? 1 : 1u << 20;
    options.processor.compress = dice.one_in(4);
    options.derived.stepped = true;
    options.derived.run_entries = dice.between(5, 200);
    options.derived.max_behind = dice.one_in(4) ? 10 : 1'000;
    options.batch_events = dice.between(1, 60);
    options.view_cache_bytes = dice.one_in(3) ? 1 : 1u << 20;
    return options;
}

// From a log that does as it is told to one that hardly ever does.
infra::FaultRates fault_rates(Dice& dice) {
    const double roughness = static_cast<double>(dice.below(4)) / 2;
    infra::FaultRates rates;
    for (double* rate : {&rates.lost, &rates.unreported, &rates.late, &rates.doubled, &rates.overtaken}) {
        *rate *= roughness;
    }
    rates.longest_delay = std::chrono::microseconds(1'500);
    return rates;
}

events::Uuid log_id(std::uint64_t seed) {
    events::Uuid id;
    for (std::size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<std::uint8_t>(seed >> (8 * i));
    return id;
}

infra::MemoryLogOptions log_options(std::uint64_t seed, Dice& dice, infra::FaultScript faults,
                                    std::function<std::chrono::microseconds()> clock) {
    return {log_id(seed), 1, static_cast<std::uint32_t>(dice.between(1, 4)), std::move(faults), std::move(clock)};
}

}  // namespace

World::World(const Life& life)
    : life_(life),
      dice_(life.seed),
      options_(process_options(dice_)),
      faults_(infra::random_faults(life.seed, fault_rates(dice_))),
      commands_left_(dice_.between(10, 160)),
      crash_every_(dice_.between(20, 400)),
      now_us_(monday),
      disk_(log_options(
          life.seed, dice_,
          [this](std::uint64_t group, events::Partition partition) {
              return kind_ ? infra::Fault{} : faults_(group, partition);
          },
          [this] { return std::chrono::microseconds(now_us_); })),
      log_(disk_, points_, [this] { go_on(); }),
      derived_rows_(std::size(consumers::DerivedTable::names), points_),
      view_rows_(Views::tables(), points_),
      clients_(dice_, life.defect) {
    log_.plant(life.defect);
    if (life.defect == Defect::replays_blocks) {
        view_rows_.drop([](consumers::Table table, std::string_view) { return table == Views::table_of_places(); });
    }
    if (life.defect == Defect::forgets_outcomes) {
        derived_rows_.drop(
            [](consumers::Table table, std::string_view) { return table == consumers::DerivedTable::outcomes; });
    }
    if (life.defect == Defect::writes_place_first) derived_rows_.write_place_first();
    arm();
}

std::vector<std::string> World::run() {
    try {
        survive([this] { start(); });
        while (commands_left_ > 0) survive([this] { act(); });
        for (int i = 0; i < 50; ++i) survive([this] { act(); });
        end_in_peace();
        say(summary());
        return audit({disk_, clients_, process_->derived(), process_->views(), derived_rows_, view_rows_});
    } catch (const std::exception& failure) {
        return {failure.what()};
    }
}

// Does it; if the process dies over it, it is started again, as often as it takes.
template <class Step>
void World::survive(Step step) {
    try {
        return step();
    } catch (const Crash& crash) {
        die(crash);
    }
    while (!process_) {
        try {
            start();
        } catch (const Crash& crash) {
            die(crash);
        }
    }
}

void World::act() {
    let_time_pass(50);
    const std::uint64_t what = dice_.below(200);
    if (what < 30) {
        const std::size_t fresh = std::min<std::size_t>(commands_left_, dice_.between(1, 6));
        commands_left_ -= fresh;
        send(clients_.batch(fresh));
    } else if (what < 40) {
        send(clients_.again(3));
    } else if (what < 80) {
        process_->turn();
    } else if (what < 120) {
        (void)log_.step();
    } else if (what < 140) {
        process_->follow();
    } else if (what < 152) {
        process_->write();
    } else if (what < 170) {
        process_->fold(static_cast<std::uint32_t>(dice_.below(projections::shards)));
    } else if (what < 176) {
        process_->commit(static_cast<std::uint32_t>(dice_.below(projections::shards)));
    } else if (what < 196) {
        let_time_pass(dice_.one_in(5) ? 3 * one_second : 1'000);
    } else if (what < 199) {
        wall_off_us_ = static_cast<std::int64_t>(dice_.below(20 * one_second)) - 10 * one_second;
    } else {
        restart_in_order();
    }
}

void World::send(std::vector<consumers::Submission> batch) {
    const std::size_t taken = process_->submit(batch);
    clients_.refused(batch.size() - taken);
}

void World::let_time_pass(std::uint64_t most_us) {
    now_us_ += static_cast<std::int64_t>(dice_.between(1, most_us));
}

void World::go_on() {
    let_time_pass(1'000);
    process_->follow();
}

void World::arm() {
    if (life_.dies_at) return points_.arm(crashes_ == 0 ? *life_.dies_at : 0);
    const bool enough = kind_ || crashes_ >= most_crashes;
    points_.arm(enough ? 0 : dice_.between(1, 2 * crash_every_));
}

void World::die(const Crash& crash) {
    ++crashes_;
    const bool power = dice_.one_in(3);
    say("dies " + crash.where + (power ? ", and the power goes" : ""));
    process_.reset();
    clients_.server_died();
    disk_.forget_writer([this] {
        const std::uint64_t thrown = dice_.below(4);
        return thrown == 0 ? infra::Fate::late : thrown == 1 ? infra::Fate::lost : infra::Fate::lands;
    });
    if (power) {
        derived_rows_.lose_power(dice_);
        view_rows_.lose_power(dice_);
    }
    arm();
}

// A process that died in its first steps is not there: process_ is set when it can be destroyed by die().
void World::start() {
    constexpr int tries = 1'000;
    const Clocks clocks{[this] { return now_us_ + wall_off_us_; },
                        [this] { return consumers::WriterLoop::Time(std::chrono::microseconds(now_us_)); }};
    process_ = std::make_unique<Process>(log_, derived_rows_, view_rows_, options_, clocks);
    process_->catch_up();
    for (int i = 0; i < tries; ++i) {
        if (process_->take_over()) return say("started");
        let_time_pass(1'000);
    }
    throw std::runtime_error("the partitions could not be taken over");
}

void World::restart_in_order() {
    for (int i = 0; !process_->drain(); ++i) {
        if (i == patience) throw std::runtime_error("the process does not come to an end");
        let_time_pass(1'000);
        (void)log_.step();
        process_->follow();
    }
    if (clients_.waiting()) throw std::runtime_error("an orderly stop has left commands without an answer");
    process_->settle();
    process_.reset();
    say("stopped in order");
    start();
}

// What was not answered is asked for again, or not: then it is in the log whole, or not at all.
void World::end_in_peace() {
    kind_ = true;
    points_.arm(0);
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; clients_.waiting(); ++i) {
            if (i == patience) throw std::runtime_error("a command is not answered though nothing stands in the way");
            let_time_pass(1'000);
            (void)log_.step();
            process_->follow();
            process_->turn();
        }
        if (round == 0) send(clients_.again(2));
    }
    for (int i = 0; !process_->drain(); ++i) {
        if (i == patience) throw std::runtime_error("the process does not come to an end");
        let_time_pass(1'000);
        (void)log_.step();
        process_->follow();
    }
    process_->settle();
}

std::string World::summary() {
    std::string text = std::to_string(crashes_) + " crashes, " + std::to_string(points_.passed()) + " points, " +
                       std::to_string(now_us_ - monday) + " us, records:";
    for (events::Partition partition = 0; partition < disk_.identity().partitions; ++partition) {
        text += " " + std::to_string(disk_.end(partition).tip.next_sequence);
    }
    return text;
}

void World::say(const std::string& what) {
    if (life_.trace != nullptr) {
        *life_.trace << "  +" << (now_us_ - monday) << " us, point " << points_.passed() << ": " << what << '\n';
    }
}

}  // namespace tidemark::tests::simulation
