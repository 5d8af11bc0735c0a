#include <algorithm>
#include <cmath>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/value/error.hpp"
#include "transport/storage/experiments/experiment_table.hpp"

namespace locum::storage {

namespace {

/// Members in members whose values can be asked for.
constexpr std::size_t deepest_parameter = 16;

bool is_asked_kind(Record::Kind kind) {
  return kind == Record::Kind::boolean || kind == Record::Kind::integer || kind == Record::Kind::real ||
         kind == Record::Kind::text;
}

bool is_number_kind(Record::Kind kind) {
  return kind == Record::Kind::integer || kind == Record::Kind::real;
}

void add_flat_parameters(const Record& value, const std::string& name, std::size_t depth,
                         std::vector<std::pair<std::string, Record>>& into) {
  if (is_asked_kind(value.kind())) {
    into.emplace_back(name, value);
    return;
  }
  if (depth < deepest_parameter) {
    for (const auto& [member, inner] : value.members()) {
      add_flat_parameters(inner, std::string(name).append(1, '.').append(member), depth + 1, into);
    }
  }
}

/// Compares an integer of -2^63 to 2^64 - 1 with a real, exactly: neither is converted to the other's type
/// unless that holds it.
std::partial_ordering integer_with_real(const Record& integer, double real) {
  constexpr double two_to_63 = 9223372036854775808.0;
  if (std::isnan(real)) {
    return std::partial_ordering::unordered;
  }
  if (real >= 2 * two_to_63 || real < -two_to_63) {
    return real > 0 ? std::partial_ordering::less : std::partial_ordering::greater;
  }
  const double whole = std::floor(real);
  std::strong_ordering order = std::strong_ordering::equal;
  if (const auto with_sign = integer.as<std::int64_t>()) {
    order = whole >= two_to_63 ? std::strong_ordering::less : *with_sign <=> static_cast<std::int64_t>(whole);
  } else {
    order = whole < two_to_63 ? std::strong_ordering::greater
                              : integer.as<std::uint64_t>().value() <=> static_cast<std::uint64_t>(whole);
  }
  return std::is_eq(order) && whole < real ? std::partial_ordering::less : std::partial_ordering(order);
}

std::strong_ordering integers_compared(const Record& a, const Record& b) {
  const auto first = a.as<std::int64_t>();
  const auto second = b.as<std::int64_t>();
  if (first && second) {
    return *first <=> *second;
  }
  // What is no std::int64_t is larger than all of these.
  return first || second ? static_cast<bool>(second) <=> static_cast<bool>(first)
                         : a.as<std::uint64_t>().value() <=> b.as<std::uint64_t>().value();
}

/// Compares two values: numbers with numbers, exactly, other values with those of their kind.
std::partial_ordering compared(const Record& a, const Record& b) {
  if (is_number_kind(a.kind()) && is_number_kind(b.kind())) {
    const bool is_real = a.kind() == Record::Kind::real;
    if (is_real && b.kind() == Record::Kind::real) {
      return a.as<double>().value() <=> b.as<double>().value();
    }
    if (is_real) {
      const auto order = integer_with_real(b, a.as<double>().value());
      return std::is_lt(order)   ? std::partial_ordering::greater
             : std::is_gt(order) ? std::partial_ordering::less
                                 : order;
    }
    return b.kind() == Record::Kind::real ? integer_with_real(a, b.as<double>().value())
                                          : std::partial_ordering(integers_compared(a, b));
  }
  if (a.kind() != b.kind()) {
    return std::partial_ordering::unordered;
  }
  return a.kind() == Record::Kind::text
             ? std::partial_ordering(a.text() <=> b.text())
             : std::partial_ordering(a.as<bool>().value() <=> b.as<bool>().value());
}

bool matches_filter(const ParameterFilter& filter, const Record& value) {
  return (filter.equals.is_null() || std::is_eq(compared(value, filter.equals))) &&
         (filter.at_least.is_null() || std::is_gteq(compared(value, filter.at_least))) &&
         (filter.at_most.is_null() || std::is_lteq(compared(value, filter.at_most)));
}

/// Returns whether a parameter of that name does, of all that add_flat_parameters() calls so.
bool matches_in(const Record& members, std::string_view name, const ParameterFilter& filter,
                std::size_t depth) {
  if (const Record* const value = members.members().find(name);
      value != nullptr && is_asked_kind(value->kind()) && matches_filter(filter, *value)) {
    return true;
  }
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos && depth < deepest_parameter;
       dot = name.find('.', dot + 1)) {
    const Record* const inner = members.members().find(name.substr(0, dot));
    if (inner != nullptr && matches_in(*inner, name.substr(dot + 1), filter, depth + 1)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::pair<std::string, Record>> flat_parameters(const Record& parameters) {
  std::vector<std::pair<std::string, Record>> flat;
  for (const auto& [name, value] : parameters.members()) {
    add_flat_parameters(value, name, 1, flat);
  }
  return flat;
}

bool matches(const ExperimentQuery& query, const ExperimentInfo& info) {
  if (query.status && *query.status != info.status) {
    return false;
  }
  return std::ranges::all_of(query.where, [&](const ParameterFilter& filter) {
    return matches_in(info.parameters, filter.parameter, filter, 1);
  });
}

Result<void> check_query(const ExperimentQuery& query) {
  for (const ParameterFilter& filter : query.where) {
    if (filter.parameter.empty()) {
      return Error(Errc::invalid_argument,
                   "a filter names a parameter, such as dt; of members in members solver.steps");
    }
    for (const Record* const bound : {&filter.equals, &filter.at_least, &filter.at_most}) {
      if (!bound->is_null() && !is_asked_kind(bound->kind())) {
        return Error(Errc::invalid_argument,
                     "a parameter is compared with a truth value, a number or a text, and with nothing else")
            .about(filter.parameter);
      }
    }
  }
  return {};
}

}  // namespace locum::storage
