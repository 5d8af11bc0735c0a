#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace locum::storage {

/// The type of the fields that a column had so far; each can become a later one, except boolean a number.
enum class CsvKind : std::uint8_t {
  none,  ///< only missing values
  boolean,
  integer,
  real,
  text,
};

/// Returns the kind of a column that has fields of both kinds.
[[nodiscard]] CsvKind csv_common(CsvKind a, CsvKind b) noexcept;

/// How a column is read.
struct CsvColumnPlan {
  std::string name;
  bool is_wanted = true;
  CsvKind kind = CsvKind::none;  ///< to begin with
  std::string given;             ///< the type that the caller gave; else empty, and the kind is found
  // Limits of the integers of the given type.
  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

/// The fields of a column in one piece of a table. A column of numbers keeps none of their texts: if it turns
/// out that it has to be of another kind that does not follow from the numbers, it becomes stale, and has to
/// be read again.
class CsvColumn {
 public:
  explicit CsvColumn(const CsvColumnPlan& plan)
      : is_wanted_(plan.is_wanted), is_given_(!plan.given.empty()), kind_(plan.kind) {}

  [[nodiscard]] CsvKind kind() const noexcept { return kind_; }
  [[nodiscard]] bool is_given() const noexcept { return is_given_; }
  /// Whether its fields are kept: it is wanted and not stale.
  [[nodiscard]] bool is_kept() const noexcept { return is_wanted_ && !is_stale_; }
  [[nodiscard]] bool is_stale() const noexcept { return is_stale_; }
  /// Whether there are integers below 0, and such that only 64 bits without a sign hold.
  [[nodiscard]] bool has_negative() const noexcept { return has_negative_; }
  [[nodiscard]] bool has_large() const noexcept { return has_large_; }
  [[nodiscard]] bool has_missing() const noexcept { return has_missing_; }

  /// Makes room for the fields of so many rows.
  void reserve(std::uint64_t rows) { words_.reserve(static_cast<std::size_t>(rows)); }
  /// Changes the kind, after `rows` fields. Returns false if the column has become stale.
  bool become(CsvKind kind, std::uint64_t rows);

  // Append a field. REQUIRES: is_kept(), and the kind of the column suits.
  void add_real(double value) { words_.push_back(bits_of(value)); }
  void add_truth(bool value) { words_.push_back(value ? 1 : 0); }
  void add_integer(std::uint64_t magnitude, bool is_negative) {
    has_minus_zero_ = has_minus_zero_ || (is_negative && magnitude == 0);
    has_negative_ = has_negative_ || (is_negative && magnitude != 0);
    has_large_ = has_large_ || (!is_negative && magnitude >> 63U != 0);
    words_.push_back(is_negative ? 0 - magnitude : magnitude);
  }
  void add_text(std::string_view text) {
    texts_ += text;
    words_.push_back(std::uint64_t{texts_.size()} << 1U);
  }
  /// REQUIRES: is_kept(), and the kind is not integer.
  void add_missing();

  /// Forgets the fields.
  void clear() noexcept {
    words_ = {};
    texts_ = {};
  }

  /// The fields: integers in two's complement, the bits of reals, 0, 1 and `missing_truth`, or for each text
  /// twice the index behind it in texts(), and 1 more for a missing one; nothing while the kind is none.
  [[nodiscard]] const std::vector<std::uint64_t>& words() const noexcept { return words_; }
  [[nodiscard]] const std::string& texts() const noexcept { return texts_; }
  static constexpr std::uint64_t missing_truth = 2;

  [[nodiscard]] static std::uint64_t bits_of(double value) noexcept {
    return std::bit_cast<std::uint64_t>(value);
  }

 private:
  [[nodiscard]] std::uint64_t missing_word() const noexcept;
  bool become_stale();
  bool integers_become_reals();

  bool is_wanted_;
  bool is_given_;
  bool is_stale_ = false;
  bool has_negative_ = false;
  bool has_large_ = false;
  bool has_minus_zero_ = false;
  bool has_missing_ = false;
  CsvKind kind_;
  std::vector<std::uint64_t> words_;
  std::string texts_;
};

}  // namespace locum::storage
