// Stored Records, taken apart.
#include <cstddef>
#include <cstdint>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/views.hpp"
#include "core/record.hpp"
#include "transport/storage/c/values.hpp"

using namespace locum;
using namespace locum::c;

namespace {

using RecordVisit = locum_status (*)(const locum_record_item* item, void* context);

locum_record_kind record_kind_of(const Record& value) noexcept {
  switch (value.kind()) {
    case Record::Kind::null:
      return LOCUM_RECORD_NULL;
    case Record::Kind::list:
      return LOCUM_RECORD_LIST;
    case Record::Kind::members:
      return LOCUM_RECORD_MEMBERS;
    case Record::Kind::stand_in:
      return LOCUM_RECORD_STAND_IN;
    case Record::Kind::boolean:
    case Record::Kind::integer:
    case Record::Kind::real:
    case Record::Kind::complex:
    case Record::Kind::text:
    case Record::Kind::bytes:
    case Record::Kind::array:
      return LOCUM_RECORD_VALUE;
  }
  return LOCUM_RECORD_NULL;
}

/// Calls a function of the program with a value, and with those within it: at most `max_nesting` levels of
/// calls.
class RecordVisitor {
 public:
  RecordVisitor(std::uint32_t deepest, RecordVisit visit, void* context) noexcept
      : deepest_(deepest), visit_(visit), context_(context) {}

  /// `name`: of a member; else without a first character.
  locum_status each(const Record& value, locum_text name, std::uint32_t depth) const {
    locum_record_item item{};
    item.name = name;
    item.kind = record_kind_of(value);
    item.depth = depth;
    item.count = value.size();
    DescribedValue shown;
    if (item.kind == LOCUM_RECORD_VALUE) {
      auto described_value = described(value);
      if (!described_value) {
        return failed(described_value.error());
      }
      shown = *std::move(described_value);
      item.value = shown.array;
    }
    locum_status status = status_of(outcome_of_function([&] { return visit_(&item, context_); }));
    if (depth == deepest_) {
      return status;
    }
    for (auto at = value.list().begin(); status == LOCUM_OK && at != value.list().end(); ++at) {
      status = each(*at, {}, depth + 1);
    }
    for (auto at = value.members().begin(); status == LOCUM_OK && at != value.members().end(); ++at) {
      status = each(at->second, text_of(at->first), depth + 1);
    }
    return status;
  }

 private:
  const std::uint32_t deepest_;
  const RecordVisit visit_;
  void* const context_;
};

}  // namespace

locum_status locum_record_member(const locum_array* record, const char* name, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return guarded([&] {
    if (record == nullptr || name == nullptr || view == nullptr) {
      return is_null(record == nullptr ? "record" : name == nullptr ? "name" : "view");
    }
    const auto all = stored_record(*record);
    return all ? give_value(member_at(*all, name), *view) : failed(all.error());
  });
}

locum_status locum_record_each(const locum_array* record, std::uint32_t deepest,
                               locum_status (*visit)(const locum_record_item* item, void* context),
                               void* context) {
  return guarded([&] {
    if (record == nullptr || visit == nullptr) {
      return is_null(record == nullptr ? "record" : "visit");
    }
    const auto all = stored_record(*record);
    return all ? RecordVisitor(deepest, visit, context).each(*all, {}, 0) : failed(all.error());
  });
}
