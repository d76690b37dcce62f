// What a benchmark finds: figures, each beside the floor that it is held against, as a table and as JSON.
#pragma once

#include <boost/json/array.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tidemark::api {

struct Figure {
    std::string name;
    double value = 0;
    std::string unit = "/s";
    std::string against;  // the floor that it is held against; empty: none, or it is one itself
    double p50_ms = 0;    // 0: not measured
    double p99_ms = 0;
    std::string note;
};

class Figures {
public:
    void add(Figure figure);  // and says on standard error that it is there
    [[nodiscard]] const std::vector<Figure>& all() const { return all_; }
    [[nodiscard]] std::optional<double> ratio(const Figure& figure) const;  // to its floor

    void print() const;
    [[nodiscard]] boost::json::array as_json() const;

private:
    std::vector<Figure> all_;
};

}  // namespace tidemark::api
