// Who and what a simulated sales operation is made of: names, places, products, a pipeline. Data only.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tidemark::api {

struct SimulatedOwner {
    std::string_view name;
    std::string_view region;
    double skill;      // 1: average chance to move a sale on
    double diligence;  // 1: average speed
};
inline constexpr std::array<SimulatedOwner, 12> simulated_owners{{
    {"Ada Lindqvist", "North", 1.12, 1.1},
    {"王芳", "East", 1.18, 1.2},
    {"Ben Okafor", "South", 0.94, 0.9},
    {"Carla Mendes", "South", 1.05, 1.0},
    {"李伟", "East", 0.97, 1.1},
    {"Dmitri Sokolov", "North", 0.88, 0.8},
    {"Elif Yılmaz", "West", 1.08, 1.3},
    {"François Petit", "West", 1.0, 1.0},
    {"张敏", "East", 1.1, 0.9},
    {"Grace Holm", "North", 0.92, 1.0},
    {"Hannah Weiß", "West", 1.02, 1.1},
    {"Ivan Novák", "South", 0.85, 0.7},
}};

// `days` is the median length of a whole sales cycle, `delivery` whether a win leads to a delivery project.
struct SimulatedProduct {
    std::string_view id;
    std::string_view name;
    std::string_view series;
    std::int64_t price_minor;
    double weight;  // how often it is asked for
    double days;
    double appeal;  // 1: average chance
    bool delivery;
};
inline constexpr std::array<SimulatedProduct, 8> simulated_products{{
    {"harbor-seat", "Harbor Seat", "Harbor", 4'900, 30, 0.06, 1.15, false},
    {"harbor-team", "Harbor Team", "Harbor", 29'000, 22, 0.35, 1.08, false},
    {"tide-gauge", "Tide Gauge", "Tide", 129'900, 16, 6, 1.0, true},
    {"tide-gauge-pro", "Tide Gauge Pro", "Tide", 349'000, 11, 14, 0.97, true},
    {"beacon-care", "Beacon Care", "Beacon", 89'000, 9, 4, 1.1, false},
    {"beacon-link", "Beacon Link", "Beacon", 540'000, 6, 21, 0.92, true},
    {"lighthouse", "Lighthouse", "Lighthouse", 2'450'000, 4, 38, 0.85, true},
    {"lighthouse-max", "Lighthouse Max", "Lighthouse", 7'900'000, 2, 60, 0.75, true},
}};

// `progress` is the chance to leave the stage forward; `share` the part of the whole cycle that it takes.
struct SimulatedStage {
    std::string_view id;
    std::string_view name;
    std::int32_t probability_bp;
    std::int32_t rotting_days;
    double progress;
    double share;
};
inline constexpr std::array<SimulatedStage, 4> simulated_stages{{
    {"prospecting", "Prospecting", 2'000, 30, 0.74, 0.2},
    {"qualified", "Qualified", 4'000, 30, 0.8, 0.25},
    {"proposal", "Proposal", 6'000, 21, 0.84, 0.3},
    {"negotiation", "Negotiation", 8'000, 21, 0.9, 0.25},
}};
inline constexpr std::string_view simulated_pipeline = "direct";

inline constexpr std::array<std::string_view, 6> simulated_sources{"web",  "referral", "fair",
                                                                   "call", "partner",  "campaign"};
inline constexpr std::array<std::string_view, 8> simulated_sectors{"manufacturing", "retail", "health",    "finance",
                                                                   "logistics",     "energy", "education", "public"};
inline constexpr std::array<std::string_view, 4> simulated_regions{"North", "East", "South", "West"};

inline constexpr std::array<std::string_view, 16> given_names{
    "Anna", "Björn", "Chiara",    "David", "Eva",   "Fatima", "Georg", "Helena",
    "Ines", "Jonas", "Katarzyna", "Luca",  "Maria", "Noah",   "Olga",  "Pedro"};
inline constexpr std::array<std::string_view, 16> family_names{
    "Andersson", "Bauer",  "Costa",    "Dubois", "Eriksen", "Fischer", "García",  "Hansen",
    "Ivanova",   "Jansen", "Kowalski", "López",  "Müller",  "Novak",   "O'Brien", "Papadopoulos"};
inline constexpr std::array<std::string_view, 14> chinese_family_names{"王", "李", "张", "刘", "陈", "杨", "黄",
                                                                       "赵", "周", "吴", "徐", "孙", "马", "欧阳"};
inline constexpr std::array<std::string_view, 14> chinese_given_names{"伟", "芳", "娜", "秀英", "敏", "静", "丽",
                                                                      "强", "磊", "洋", "艳",   "勇", "杰", "思远"};
inline constexpr std::array<std::string_view, 14> company_stems{
    "Nordwind", "Alvarez", "Blue Harbor", "Castellan", "Delta Mills", "Eisenberg", "Fjordline",
    "Granit",   "Halcyon", "Ibex",        "Juniper",   "Kestrel",     "Lumen",     "Meridian"};
inline constexpr std::array<std::string_view, 10> company_trades{
    "Foods", "Logistics", "Textiles", "Instruments", "Energy", "Bank", "Clinics", "Software", "Tools", "Shipping"};
inline constexpr std::array<std::string_view, 6> company_forms{"GmbH", "Ltd", "S.A.", "AB", "Inc.", "B.V."};
inline constexpr std::array<std::string_view, 8> chinese_cities{"北京", "上海", "深圳", "广州",
                                                                "杭州", "成都", "武汉", "西安"};
inline constexpr std::array<std::string_view, 10> chinese_stems{"华信", "东方", "恒达", "天宇", "金桥",
                                                                "新海", "联创", "瑞丰", "明远", "宏图"};
inline constexpr std::array<std::string_view, 6> chinese_trades{"科技", "贸易", "电子", "物流", "医疗", "能源"};
inline constexpr std::array<std::string_view, 6> customer_needs{
    "shorter delivery times",         "one contact for all sites", "monthly invoices",
    "training in the local language", "data stays in the country", "an interface to the warehouse"};

}  // namespace tidemark::api
