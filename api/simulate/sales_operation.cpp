#include "api/simulate/sales_operation.hpp"

#include "api/simulate/chance.hpp"
#include "api/simulate/delivery_play.hpp"
#include "api/simulate/people.hpp"
#include "events/digest.hpp"

#include <algorithm>
#include <queue>
#include <tuple>
#include <vector>

namespace tidemark::api {

namespace {

using events::Micros;
constexpr Micros hour = 3600 * events::micros_per_second;

std::string numbered(const std::string& prefix, std::size_t number) {
    std::string digits = std::to_string(number);
    return prefix + std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits;
}

// 0 Monday ... 6 Sunday; 1970-01-01 was a Thursday.
int weekday(std::int32_t day) {
    return ((day + 3) % 7 + 7) % 7;
}

constexpr double weekday_factor[] = {1.1, 1.15, 1.05, 1.0, 0.7, 0.08, 0.04};

// When people are at work: a time at night or (mostly) at a weekend moves to the next working morning.
Micros working_time(Micros time, Chance& chance) {
    std::int32_t day = events::date_of(time);
    Micros of_day = time - day * events::micros_per_day;
    const bool weekend = weekday(day) >= 5 && !chance.happens(0.1);
    if (!weekend && of_day >= 8 * hour && of_day < 19 * hour) return time;
    if (weekend || of_day >= 19 * hour) {
        do {
            ++day;
        } while (weekday(day) >= 5);
    }
    of_day = 8 * hour + static_cast<Micros>(chance.uniform() * 3 * static_cast<double>(hour));
    return day * events::micros_per_day + of_day;
}

}  // namespace

struct SalesOperation::Impl {
    enum class What : std::uint8_t {
        new_day,
        new_customer,
        change_details,
        open,
        move_on,
        second_thoughts,
        reopen,
        correct,
        deliver
    };
    struct Action {
        Micros at;
        std::uint64_t order;  // those of one moment come as they were planned
        What what;
        std::size_t which;
        bool operator>(const Action& other) const { return std::tie(at, order) > std::tie(other.at, other.order); }
    };
    struct Sale {
        std::string id;
        std::size_t customer;
        std::size_t owner;
        std::size_t product;
        std::size_t stage = 0;
        std::int64_t amount_minor = 0;
        bool closed = false;
        bool reopened = false;
    };

    OperationOptions options;
    Chance chance;
    std::string run;
    Micros begin;
    Micros end;
    Micros now;
    std::priority_queue<Action, std::vector<Action>, std::greater<>> plan;
    std::uint64_t planned = 0;
    std::queue<v1::Command> ready;
    std::uint64_t commands = 0;
    std::size_t customers = 0;
    std::vector<Sale> sales;
    std::vector<DeliveryPlay> deliveries;

    explicit Impl(OperationOptions given) : options(given), chance(given.seed) {
        std::string fingerprint = std::to_string(options.seed);
        for (const std::uint64_t part :
             {std::uint64_t{options.days}, std::uint64_t{options.customers}, std::uint64_t{options.sales_per_day},
              static_cast<std::uint64_t>(options.end)}) {
            fingerprint += "/" + std::to_string(part);
        }
        run = "sim-" + events::hex(events::sha256(fingerprint)).substr(0, 8);
        end = options.end * events::micros_per_day;
        begin = end - options.days * events::micros_per_day;
        now = begin;
        define_catalogue();
        for (std::uint32_t i = 0; i < options.customers; ++i) create_customer();
        at(begin, What::new_day, 0);
    }

    void at(Micros time, What what, std::size_t which) {
        if (time < end) plan.push({time, planned++, what, which});
    }
    void later(Micros delay, What what, std::size_t which) { at(working_time(now + delay, chance), what, which); }

    v1::Command& command(std::string stream, std::string_view actor) {
        v1::Command& made = ready.emplace();
        made.set_stream_id(std::move(stream));
        made.set_command_id(numbered(run + ":", ++commands));
        made.set_actor(std::string(actor));
        made.set_occurred_at(now);
        return made;
    }
    std::string customer_id(std::size_t customer) const { return numbered(run + "-c", customer); }

    void define_catalogue() {
        auto& pipeline =
            *command(std::string(simulated_pipeline), "sales-ops").mutable_pipeline()->mutable_define_pipeline();
        pipeline.set_name("Direct sales");
        for (const SimulatedStage& stage : simulated_stages) {
            auto& added = *pipeline.add_stages();
            added.set_id(std::string(stage.id));
            added.set_name(std::string(stage.name));
            added.set_probability_bp(stage.probability_bp);
            added.set_rotting_days(stage.rotting_days);
        }
        for (const SimulatedProduct& product : simulated_products) {
            auto& defined = *command(std::string(product.id), "sales-ops").mutable_product()->mutable_define_product();
            defined.set_name(std::string(product.name));
            defined.set_series(std::string(product.series));
            defined.mutable_list_price()->set_minor(product.price_minor);
            defined.mutable_list_price()->set_currency("EUR");
        }
    }

    void create_customer() {
        const std::size_t number = ++customers;
        const SimulatedOwner& owner = chance.one_of(simulated_owners);
        auto& created = *command(customer_id(number), owner.name).mutable_customer()->mutable_create_customer();
        const bool person = chance.happens(0.25);
        const bool chinese = chance.happens(owner.region == "East" ? 0.7 : 0.12);
        created.set_kind(person ? v1::PERSON : v1::COMPANY);
        created.set_name(person ? person_name(chinese) : company_name(chinese));
        created.set_email(numbered("contact", number) + "@example.com");
        created.set_phone((chinese ? "+86 10 5550 " : "+44 20 7946 ") + std::to_string(1000 + number % 9000));
        created.set_sector(std::string(chance.one_of(simulated_sectors)));
        created.set_region(std::string(owner.region));
        created.set_owner(std::string(owner.name));
        if (person) created.set_birth_date(static_cast<std::int32_t>(chance.between(-7'300, 13'000)));
        if (person && chance.happens(0.4)) {
            auto& consent = *command(customer_id(number), owner.name).mutable_customer()->mutable_give_consent();
            consent.set_purpose("newsletter");
            consent.set_channel("email");
            consent.set_source("web form");
        }
    }
    std::string person_name(bool chinese) {
        if (chinese)
            return std::string(chance.one_of(chinese_family_names)) + std::string(chance.one_of(chinese_given_names));
        return std::string(chance.one_of(given_names)) + " " + std::string(chance.one_of(family_names));
    }
    std::string company_name(bool chinese) {
        if (chinese) {
            return std::string(chance.one_of(chinese_cities)) + std::string(chance.one_of(chinese_stems)) +
                   std::string(chance.one_of(chinese_trades)) + "有限公司";
        }
        return std::string(chance.one_of(company_stems)) + " " + std::string(chance.one_of(company_trades)) + " " +
               std::string(chance.one_of(company_forms));
    }

    void new_day() {
        const std::int32_t day = events::date_of(now);
        const double factor = weekday_factor[weekday(day)];
        const std::uint32_t opened = chance.poisson(options.sales_per_day * factor);
        for (std::uint32_t i = 0; i < opened; ++i) at(office_hour(), What::open, 0);
        for (std::uint32_t i = chance.poisson(opened * 0.12); i > 0; --i) at(office_hour(), What::new_customer, 0);
        for (std::uint32_t i = chance.poisson(opened * 0.04); i > 0; --i) at(office_hour(), What::change_details, 0);
        at(now + events::micros_per_day, What::new_day, 0);
    }
    // Mornings and afternoons are busier than noon.
    Micros office_hour() {
        const double middle = chance.happens(0.55) ? 10.2 : 15.3;
        const double of_day = middle + (chance.uniform() + chance.uniform() - 1) * 2.2;
        return now + static_cast<Micros>(of_day * static_cast<double>(hour));
    }

    void open_sale() {
        std::array<double, simulated_products.size()> weights{};
        for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = simulated_products[i].weight;
        const std::size_t number = sales.size();
        // A few customers buy most: the square of a uniform draw prefers the old ones.
        const double draw = chance.uniform();
        Sale sale{.id = numbered(run + "-s", number + 1),
                  .customer = 1 + static_cast<std::size_t>(draw * draw * static_cast<double>(customers)),
                  .owner = chance.below(simulated_owners.size()),
                  .product = chance.weighted(weights)};
        const SimulatedProduct& product = simulated_products[sale.product];
        const SimulatedOwner& owner = simulated_owners[sale.owner];
        auto& opened = *command(sale.id, owner.name).mutable_sale()->mutable_open_sale();
        opened.set_customer_id(customer_id(sale.customer));
        opened.set_owner(std::string(owner.name));
        opened.set_region(std::string(owner.region));
        opened.set_pipeline_id(std::string(simulated_pipeline));
        opened.set_source(std::string(chance.one_of(simulated_sources)));
        opened.set_expected_close(events::date_of(now) + static_cast<std::int32_t>(product.days * 1.3) + 1);
        auto& line = *opened.add_lines();
        line.set_product_id(std::string(product.id));
        line.set_quantity(chance.happens(0.6) ? 1 : chance.between(2, product.price_minor < 50'000 ? 40 : 4));
        sale.amount_minor = product.price_minor * line.quantity();
        if (chance.happens(0.35)) {  // a discount from the start
            line.mutable_unit_price()->set_minor(product.price_minor * chance.between(85, 97) / 100);
            line.mutable_unit_price()->set_currency("EUR");
            sale.amount_minor = line.unit_price().minor() * line.quantity();
        }
        if (chance.happens(0.08)) {
            auto& need =
                *command(customer_id(sale.customer), owner.name).mutable_customer()->mutable_record_customer_need();
            need.set_type(chance.happens(0.6) ? v1::NEED : v1::PAIN_POINT);
            need.set_text(std::string(chance.one_of(customer_needs)));
            need.set_product_id(std::string(product.id));
            need.set_priority(chance.happens(0.3) ? v1::PRIORITY_HIGH : v1::PRIORITY_MEDIUM);
        }
        sales.push_back(std::move(sale));
        plan_next_step(number);
    }

    void plan_next_step(std::size_t number) {
        const Sale& sale = sales[number];
        const double days = simulated_products[sale.product].days * simulated_stages[sale.stage].share;
        const Micros stay = chance.duration(days / simulated_owners[sale.owner].diligence);
        if (chance.happens(0.12)) later(stay / 2, What::second_thoughts, number);
        later(stay, What::move_on, number);
    }

    v1::SaleCommand& sale_command(const Sale& sale) {
        return *command(sale.id, simulated_owners[sale.owner].name).mutable_sale();
    }
    static void set_euros(v1::Money& money, std::int64_t minor) {
        money.set_minor(minor);
        money.set_currency("EUR");
    }

    // A stage is left: forward, by the win, or by losing the sale.
    void move_on(std::size_t number) {
        Sale& sale = sales[number];
        const SimulatedStage& stage = simulated_stages[sale.stage];
        const double odds =
            stage.progress * simulated_owners[sale.owner].skill * simulated_products[sale.product].appeal;
        if (!chance.happens(std::min(0.97, odds))) return lose(number);
        if (sale.stage + 1 < simulated_stages.size()) {
            sale.stage += 1;
            sale_command(sale).mutable_change_sale_stage()->set_stage(std::string(simulated_stages[sale.stage].id));
            if (sale.stage + 1 == simulated_stages.size() && chance.happens(0.4)) {
                sale_command(sale).mutable_set_forecast_category()->set_category(chance.happens(0.5) ? v1::COMMIT
                                                                                                     : v1::BEST_CASE);
            }
            return plan_next_step(number);
        }
        win(number);
    }

    void win(std::size_t number) {
        Sale& sale = sales[number];
        if (chance.happens(0.3)) sale.amount_minor = sale.amount_minor * chance.between(90, 104) / 100;
        set_euros(*sale_command(sale).mutable_win_sale()->mutable_amount(), sale.amount_minor);
        sale.closed = true;
        // Now and then somebody books a win a second time: it is refused, and stays on record.
        if (chance.happens(0.004))
            set_euros(*sale_command(sale).mutable_win_sale()->mutable_amount(), sale.amount_minor + 100);
        if (chance.happens(0.015)) later(chance.duration(2), What::correct, number);
        if (simulated_products[sale.product].delivery && chance.happens(0.8)) plan_delivery(number);
    }

    void lose(std::size_t number) {
        constexpr v1::LossReason reasons[] = {v1::PRICE,       v1::COMPETITOR, v1::NO_BUDGET,
                                              v1::NO_DECISION, v1::TIMING,     v1::PRODUCT_GAP};
        constexpr double weights[] = {30, 24, 16, 18, 8, 6};
        sales[number].closed = true;
        auto& lost = *sale_command(sales[number]).mutable_lose_sale();
        lost.set_reason(reasons[chance.weighted(weights)]);
        if (!sales[number].reopened && chance.happens(0.03)) later(chance.duration(6), What::reopen, number);
    }

    void second_thoughts(std::size_t number) {
        Sale& sale = sales[number];
        if (sale.closed) return;  // it came too late
        const double what = chance.uniform();
        if (what < 0.55) {
            sale.amount_minor = std::max<std::int64_t>(100, sale.amount_minor * chance.between(80, 125) / 100);
            set_euros(*sale_command(sale).mutable_change_sale_amount()->mutable_amount(), sale.amount_minor);
        } else if (what < 0.8) {
            sale_command(sale).mutable_flag_sale_at_risk()->set_reason("no answer since the last meeting");
        } else {
            sale.owner = chance.below(simulated_owners.size());
            auto& reassigned = *command(sale.id, "sales-ops").mutable_sale()->mutable_reassign_sale();
            reassigned.set_owner(std::string(simulated_owners[sale.owner].name));
            reassigned.set_region(std::string(simulated_owners[sale.owner].region));
        }
    }

    void reopen(std::size_t number) {
        sales[number].reopened = true;
        sales[number].closed = false;
        sale_command(sales[number]).mutable_reopen_sale();
        plan_next_step(number);
    }

    void correct(std::size_t number) {
        Sale& sale = sales[number];
        sale.amount_minor = sale.amount_minor * chance.between(95, 105) / 100 + 1;
        auto& corrected = *command(sale.id, "sales-ops").mutable_sale()->mutable_correct_sale();
        set_euros(*corrected.mutable_amount(), sale.amount_minor);
        corrected.set_note("the invoice says otherwise");
    }

    void change_details() {
        const std::size_t customer = 1 + chance.below(customers);
        auto& changed =
            *command(customer_id(customer), "sales-ops").mutable_customer()->mutable_change_customer_details();
        changed.set_phone("+49 30 5550 " + std::to_string(chance.between(1000, 9999)));
        if (chance.happens(0.2)) changed.set_sector(std::string(chance.one_of(simulated_sectors)));
    }

    void plan_delivery(std::size_t number) {
        const Sale& sale = sales[number];
        const SimulatedOwner& owner = simulated_owners[sale.owner];
        deliveries.emplace_back(DeliveryPlay::Start{.id = numbered(run + "-d", deliveries.size() + 1),
                                                    .sale_id = sale.id,
                                                    .customer_id = customer_id(sale.customer),
                                                    .owner = std::string(owner.name),
                                                    .region = std::string(owner.region),
                                                    .product_id = std::string(simulated_products[sale.product].id),
                                                    .value_minor = sale.amount_minor,
                                                    .won_at = now},
                                chance);
        later(deliveries.back().first_wait(), What::deliver, deliveries.size() - 1);
    }

    void deliver(std::size_t number) {
        DeliveryPlay& delivery = deliveries[number];
        auto& made = command(delivery.id(), delivery.owner());
        if (const auto wait = delivery.step(*made.mutable_delivery(), now, chance)) later(*wait, What::deliver, number);
    }

    void play(const Action& action) {
        now = action.at;
        switch (action.what) {
            case What::new_day: return new_day();
            case What::new_customer: return create_customer();
            case What::change_details: return change_details();
            case What::open: return open_sale();
            case What::move_on: return move_on(action.which);
            case What::second_thoughts: return second_thoughts(action.which);
            case What::reopen: return reopen(action.which);
            case What::correct: return correct(action.which);
            case What::deliver: return deliver(action.which);
        }
    }
};

SalesOperation::SalesOperation(OperationOptions options) : impl_(std::make_unique<Impl>(options)) {}
SalesOperation::~SalesOperation() = default;

std::optional<v1::Command> SalesOperation::next() {
    while (impl_->ready.empty()) {
        if (impl_->plan.empty()) return std::nullopt;
        const Impl::Action action = impl_->plan.top();
        impl_->plan.pop();
        impl_->play(action);
    }
    std::optional<v1::Command> command(std::move(impl_->ready.front()));
    impl_->ready.pop();
    return command;
}

std::uint64_t SalesOperation::permille() const {
    return static_cast<std::uint64_t>((impl_->now - impl_->begin) * 1'000 / (impl_->end - impl_->begin));
}

}  // namespace tidemark::api
