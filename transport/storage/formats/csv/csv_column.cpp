#include "transport/storage/formats/csv/csv_column.hpp"

#include <algorithm>

namespace locum::storage {

CsvKind csv_common(CsvKind a, CsvKind b) noexcept {
  const auto [low, high] = std::minmax(a, b);
  const bool suits = low == high || low == CsvKind::none || low == CsvKind::integer;
  return suits ? high : CsvKind::text;
}

std::uint64_t CsvColumn::missing_word() const noexcept {
  return kind_ == CsvKind::boolean ? missing_truth
         : kind_ == CsvKind::real  ? bits_of(std::numeric_limits<double>::quiet_NaN())
                                   : std::uint64_t{texts_.size()} << 1U | 1U;
}

void CsvColumn::add_missing() {
  has_missing_ = true;
  if (kind_ != CsvKind::none) {
    words_.push_back(missing_word());
  }
}

bool CsvColumn::become_stale() {
  is_stale_ = true;
  words_ = {};
  texts_ = {};
  return false;
}

bool CsvColumn::integers_become_reals() {
  if (has_minus_zero_ || has_large_) {
    return become_stale();
  }
  for (std::uint64_t& word : words_) {
    const auto number = static_cast<std::int64_t>(word);
    constexpr std::int64_t all_exact = std::int64_t{1} << 53U;
    if (number > all_exact || number < -all_exact) {
      return become_stale();  // to find out whether it is exact, and in which line
    }
    word = bits_of(static_cast<double>(number));
  }
  return true;
}

bool CsvColumn::become(CsvKind kind, std::uint64_t rows) {
  const CsvKind before = kind_;
  if (kind == before) {
    return !is_stale_;
  }
  kind_ = kind;
  if (!is_kept()) {
    return false;
  }
  if (before == CsvKind::none) {
    words_.assign(static_cast<std::size_t>(rows), missing_word());
    return true;
  }
  return before == CsvKind::integer && kind == CsvKind::real ? integers_become_reals() : become_stale();
}

}  // namespace locum::storage
