#include <algorithm>
#include <complex>
#include <cstring>
#include <utility>

#include "core/value/extents.hpp"
#include "transport/storage/formats/npy/npy_list.hpp"
#include "transport/storage/formats/npy/npy_part.hpp"

namespace locum::storage {

namespace {

/// The values in nested lists, in order, and the extents that these lists have in common.
class NpyListValues {
 public:
  /// `type_mismatch` if the lists do not have extents in common, or are nested too deeply.
  Result<void> collect(const Record& lists) {
    for (const Record* list = &lists; list->kind() == Record::Kind::list; list = &(*list)[0]) {
      if (extents_.size() == max_rank) {
        return Error(Errc::type_mismatch, "the lists are nested deeper than the " + std::to_string(max_rank) +
                                              " dimensions of an array; save them as .json");
      }
      extents_.push_back(list->size());
      if (list->size() == 0) {
        break;
      }
    }
    return add(lists, 0);
  }
  [[nodiscard]] const std::vector<std::uint64_t>& extents() const noexcept { return extents_; }
  [[nodiscard]] const std::vector<const Record*>& values() const noexcept { return values_; }

 private:
  Result<void> add(const Record& value, std::size_t depth) {
    const bool is_list = value.kind() == Record::Kind::list;
    if (is_list != (depth < extents_.size()) || (is_list && value.size() != extents_[depth])) {
      return Error(
          Errc::type_mismatch,
          "the lists have values of different lengths or depths, which are no array; save them as .json");
    }
    if (!is_list) {
      values_.push_back(&value);
      return {};
    }
    for (const Record& one : value.list()) {
      if (auto added = add(one, depth + 1); !added) {
        return added;
      }
    }
    return {};
  }

  std::vector<std::uint64_t> extents_;
  std::vector<const Record*> values_;
};

Error mixed_npy_list(const Record& first, const Record& other, std::size_t at) {
  return Error(Errc::type_mismatch, "value " + std::to_string(at) + " (counted from 0) of the list is " +
                                        npy_kind_name(other.kind()) + ", the first one " +
                                        npy_kind_name(first.kind()) +
                                        ": no type of NumPy holds both exactly; save the list as .json");
}

/// Makes an array of values, each of which `get` returns as a `T`.
template <class T, class Get>
Result<NpyList> npy_array_of_values(const NpyListValues& lists, Get get) {
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(lists.extents().size());
  std::ranges::copy(lists.extents(), extents.values.begin());
  auto draft = ArrayDraft::make(ElementType::of<T>(), extents);
  if (!draft) {
    return draft.error();
  }
  for (std::size_t at = 0; at < lists.values().size(); ++at) {
    const Result<T> value = get(*lists.values()[at]);
    if (!value) {
      return mixed_npy_list(*lists.values().front(), *lists.values()[at], at);
    }
    std::memcpy(draft->bytes().data() + at * sizeof(T), &*value, sizeof(T));
  }
  return NpyList{.array = std::move(*draft).finish(), .texts = {}, .extents = lists.extents()};
}

Result<std::complex<double>> npy_complex_of(const Record& value) {
  if (value.kind() == Record::Kind::complex) {
    return value.as<std::complex<double>>();
  }
  const auto real = value.as<double>();
  return real ? Result<std::complex<double>>(std::complex<double>(*real)) : real.error();
}

}  // namespace

Result<NpyPart> npy_part_of_lists(const Record& lists) {
  auto found = npy_list_of(lists);
  if (!found) {
    return found.error();
  }
  return found->array ? NpyPart::of(std::move(found->array))
                      : NpyPart::of(std::move(found->texts), std::move(found->extents));
}

Result<NpyList> npy_list_of(const Record& lists) {
  NpyListValues found;
  if (auto collected = found.collect(lists); !collected) {
    return collected.error();
  }
  const auto has = [&found](Record::Kind kind) {
    return std::ranges::any_of(found.values(), [kind](const Record* one) { return one->kind() == kind; });
  };
  const auto as_real = [](const Record& value) { return value.as<double>(); };
  if (found.values().empty()) {
    return npy_array_of_values<double>(found, as_real);  // as NumPy takes an empty list
  }
  const Record& first = *found.values().front();
  switch (first.kind()) {
    case Record::Kind::boolean:
      return npy_array_of_values<bool>(found, [](const Record& value) { return value.as<bool>(); });
    case Record::Kind::text: {
      const auto other = std::ranges::find_if(
          found.values(), [](const Record* one) { return one->kind() != Record::Kind::text; });
      if (other != found.values().end()) {
        return mixed_npy_list(first, **other, static_cast<std::size_t>(other - found.values().begin()));
      }
      return NpyList{.array = {}, .texts = found.values(), .extents = found.extents()};
    }
    case Record::Kind::integer:
    case Record::Kind::real:
    case Record::Kind::complex:
      break;
    case Record::Kind::null:
    case Record::Kind::bytes:
    case Record::Kind::array:
    case Record::Kind::list:
    case Record::Kind::members:
    case Record::Kind::stand_in:
      return Error(Errc::type_mismatch,
                   "lists of numbers and lists of texts become arrays; the first value of this "
                   "one is " +
                       npy_kind_name(first.kind()) + "; save the list as .json");
  }
  if (has(Record::Kind::complex)) {
    return npy_array_of_values<std::complex<double>>(found, npy_complex_of);
  }
  if (has(Record::Kind::real)) {
    return npy_array_of_values<double>(found, as_real);
  }
  const bool is_large = std::ranges::any_of(found.values(), [](const Record* one) {
    return one->kind() == Record::Kind::integer && !one->as<std::int64_t>();
  });
  if (is_large) {
    return npy_array_of_values<std::uint64_t>(found,
                                              [](const Record& value) { return value.as<std::uint64_t>(); });
  }
  return npy_array_of_values<std::int64_t>(found,
                                           [](const Record& value) { return value.as<std::int64_t>(); });
}

}  // namespace locum::storage
