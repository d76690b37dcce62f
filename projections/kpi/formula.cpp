#include "projections/kpi/formula.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace tidemark::projections::kpi {

// expression = term {("+"|"-") term}; term = factor {("*"|"/") factor};
// factor = number | measure | function "(" measure ")" | "(" expression ")" | "-" factor.
class Formula::Parser {
public:
    Parser(const v1::MeasureFamily& family, std::string_view text) : family_(family), rest_(text) {}

    std::expected<Formula, std::string> parse() {
        expression();
        blanks();
        if (error_.empty() && !rest_.empty()) fail("something is left over");
        if (!error_.empty()) return std::unexpected(error_);
        std::ranges::sort(formula_.measures_);
        formula_.measures_.erase(std::ranges::unique(formula_.measures_).begin(), formula_.measures_.end());
        return std::move(formula_);
    }

private:
    void fail(const std::string& why) {
        if (error_.empty()) error_ = why + " at \"" + std::string(rest_.substr(0, 20)) + "\"";
    }
    void blanks() {
        while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    }
    bool take(char c) {
        blanks();
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expression() {
        term();
        while (error_.empty()) {
            const bool add = take('+');
            if (!add && !take('-')) return;
            term();
            formula_.steps_.push_back({add ? Op::add : Op::subtract});
        }
    }
    void term() {
        factor();
        while (error_.empty()) {
            const bool times = take('*');
            if (!times && !take('/')) return;
            factor();
            formula_.steps_.push_back({times ? Op::multiply : Op::divide});
        }
    }
    void factor() {
        if (take('-')) {
            factor();
            formula_.steps_.push_back({Op::negate});
        } else if (take('(')) {
            expression();
            if (!take(')')) fail("a ) is missing");
        } else if (!rest_.empty() && std::isdigit(static_cast<unsigned char>(rest_.front())) != 0) {
            const std::string digits(rest_.substr(0, rest_.find_first_not_of("0123456789.")));
            rest_.remove_prefix(digits.size());
            formula_.steps_.push_back({Op::number, std::strtold(digits.c_str(), nullptr)});
        } else {
            named();
        }
    }
    std::string name() {
        blanks();
        const auto length = std::min(rest_.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), rest_.size());
        std::string found(rest_.substr(0, length));
        rest_.remove_prefix(length);
        return found;
    }
    void named() {
        const auto word = name();
        if (word.empty()) return fail("a measure, number or ( is expected");
        if (!take('(')) return read(Op::value, word);
        const auto inside = name();
        if (!take(')')) fail("a ) is missing");
        if (word == "level") return read(Op::level, inside);
        if (word == "mean") return read(Op::mean, inside);
        if (word == "median") return read(Op::median, inside);
        if (word == "p90") return read(Op::p90, inside);
        if (word == "sum") return read(Op::sum, inside);
        if (word == "units") return read(Op::units, inside);
        if (word == "count") return read(Op::value, inside);
        fail(word + " is no function (level mean median p90 sum count units)");
    }
    void read(Op op, const std::string& measure) {
        for (int i = 0; i < family_.measures_size(); ++i) {
            if (family_.measures(i).name() != measure) continue;
            const bool histogram = family_.measures(i).kind() == v1::HISTOGRAM;
            const bool of_histogram = op == Op::mean || op == Op::median || op == Op::p90 || op == Op::sum;
            if (histogram ? op == Op::level || op == Op::units : of_histogram)
                return fail(measure + (histogram ? " is a histogram and has no level or units" : " is no histogram"));
            if (op == Op::units) formula_.in_units_.push_back(i);
            if (op == Op::level) formula_.reads_levels_ = true;
            formula_.measures_.push_back(i);
            formula_.steps_.push_back({op, 0, i});
            return;
        }
        fail("family " + family_.name() + " has no measure " + measure);
    }

    const v1::MeasureFamily& family_;
    std::string_view rest_;
    Formula formula_;
    std::string error_;
};

std::expected<Formula, std::string> Formula::compile(const v1::MeasureFamily& family, std::string_view text) {
    return Parser(family, text).parse();
}

bool Formula::is_level(int measure) const {
    return std::ranges::any_of(steps_, [&](const Step& s) { return s.op == Op::level && s.measure == measure; });
}

std::optional<long double> Formula::value(const std::vector<Amount>& amounts, double minor_per_unit) const {
    std::vector<long double> stack;
    const auto pop = [&] {
        const auto top = stack.back();
        stack.pop_back();
        return top;
    };
    for (const auto& step : steps_) {
        const auto& amount = amounts.at(static_cast<std::size_t>(step.measure));
        std::optional<double> quantity;
        switch (step.op) {
            case Op::number: stack.push_back(step.number); break;
            case Op::value: stack.push_back(static_cast<long double>(amount.value)); break;
            case Op::level: stack.push_back(static_cast<long double>(amount.level)); break;
            case Op::sum: stack.push_back(static_cast<long double>(amount.sum)); break;
            case Op::units: stack.push_back(static_cast<long double>(amount.value) / minor_per_unit); break;
            case Op::mean:
                if (amount.value == 0) return {};
                stack.push_back(static_cast<long double>(amount.sum) / static_cast<long double>(amount.value));
                break;
            case Op::median:
            case Op::p90:
                quantity = quantile(amount.bins, step.op == Op::median ? 0.5 : 0.9);
                if (!quantity) return {};
                stack.push_back(*quantity);
                break;
            case Op::negate: stack.back() = -stack.back(); break;
            case Op::add: {
                const auto b = pop();
                stack.back() += b;
                break;
            }
            case Op::subtract: {
                const auto b = pop();
                stack.back() -= b;
                break;
            }
            case Op::multiply: {
                const auto b = pop();
                stack.back() *= b;
                break;
            }
            case Op::divide: {
                const auto b = pop();
                if (b == 0) return {};
                stack.back() /= b;
                break;
            }
        }
    }
    return stack.back();
}

}  // namespace tidemark::projections::kpi
