#include "api/json/tables.hpp"

#include "events/v1/common.pb.h"
#include "events/v1/rules.pb.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <stdexcept>

namespace tidemark::api::json {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

Shape shape_of(const FieldDescriptor& field) {
    const auto format = field.options().GetExtension(v1::rule).format();
    switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32: return format == v1::FORMAT_DATE ? Shape::date : Shape::int32;
        case FieldDescriptor::CPPTYPE_INT64: return format == v1::FORMAT_TIME ? Shape::time : Shape::int64;
        case FieldDescriptor::CPPTYPE_UINT32: return Shape::uint32;
        case FieldDescriptor::CPPTYPE_UINT64: return Shape::uint64;
        case FieldDescriptor::CPPTYPE_DOUBLE:
        case FieldDescriptor::CPPTYPE_FLOAT: return Shape::real;
        case FieldDescriptor::CPPTYPE_BOOL: return Shape::flag;
        case FieldDescriptor::CPPTYPE_ENUM: return Shape::enumeration;
        case FieldDescriptor::CPPTYPE_STRING:
            return field.type() == FieldDescriptor::TYPE_BYTES ? Shape::bytes : Shape::text;
        case FieldDescriptor::CPPTYPE_MESSAGE:
            if (field.is_map()) {
                return Shape::map;
            }
            if (field.message_type() == v1::Money::descriptor()) {
                return Shape::money;
            }
            return field.message_type() == v1::Personal::descriptor() ? Shape::personal : Shape::message;
    }
    throw std::logic_error("a Protobuf field of an unknown type: " + field.full_name());
}

// Tables of all types met so far. A type may contain itself, so an entry is made before it is filled.
class Tables {
public:
    const Table& of(const Descriptor& descriptor) {
        {
            const std::shared_lock lock(mutex_);
            if (const auto found = tables_.find(&descriptor); found != tables_.end()) {
                return *found->second;
            }
        }
        const std::unique_lock lock(mutex_);
        return make(descriptor);
    }

private:
    const Table& make(const Descriptor& descriptor) {
        auto& slot = tables_[&descriptor];
        if (slot) {
            return *slot;
        }
        slot = std::make_unique<Table>();
        Table& table = *slot;
        table.descriptor = &descriptor;
        table.fields.reserve(static_cast<std::size_t>(descriptor.field_count()));
        for (int i = 0; i < descriptor.field_count(); ++i) {
            const FieldDescriptor& field = *descriptor.field(i);
            Field row{
                .descriptor = &field, .name = field.name(), .shape = shape_of(field), .repeated = field.is_repeated()};
            row.zero_says = row.shape == Shape::enumeration &&
                            !std::string_view(field.enum_type()->value(0)->name()).ends_with("UNSPECIFIED");
            if (row.shape == Shape::message || row.shape == Shape::map) {
                row.table = &make(*field.message_type());
            }
            if (row.shape == Shape::map) {
                row.map_value = row.table->find("value");
            }
            table.fields.push_back(row);
        }
        return table;
    }

    std::shared_mutex mutex_;
    std::map<const Descriptor*, std::unique_ptr<Table>> tables_;
};

// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

}  // namespace

const Field* Table::find(std::string_view name) const {
    for (const Field& field : fields) {
        if (field.name == name) {
            return &field;
        }
    }
    return nullptr;
}

std::string_view nearest_of(std::string_view name, const std::vector<std::string_view>& names) {
    std::string_view best;
    std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
    if (name.size() > 64) {
        return best;
    }
    for (const std::string_view candidate : names) {
        const std::size_t d = distance(name, candidate);
        if (d < least) {
            least = d;
            best = candidate;
        }
    }
    return best;
}

std::string_view Table::nearest(std::string_view name) const {
    std::vector<std::string_view> names;
    for (const Field& field : fields) {
        names.push_back(field.name);
    }
    return nearest_of(name, names);
}

const Table& table_of(const Descriptor& descriptor) {
    static Tables tables;
    return tables.of(descriptor);
}

}  // namespace tidemark::api::json
