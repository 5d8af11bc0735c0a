#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <map>
#include <new>
#include <utility>

#include "transport/storage/formats/csv/csv_layout.hpp"
#include "transport/storage/formats/csv/csv_piece.hpp"
#include "transport/storage/formats/csv/csv_table.hpp"

namespace locum::storage {

namespace {

void csv_give_type(CsvColumnPlan& plan, std::string_view type) {
  plan.given = type;
  if (type == "text") {
    plan.kind = CsvKind::text;
  } else if (type == "bool") {
    plan.kind = CsvKind::boolean;
  } else if (type.front() == 'f') {
    plan.kind = CsvKind::real;
  } else {
    plan.kind = CsvKind::integer;
    const bool has_sign = type.front() == 'i';
    const std::uint64_t bits = type == "i8" || type == "u8"     ? 8
                               : type == "i16" || type == "u16" ? 16
                               : type == "i32" || type == "u32" ? 32
                                                                : 64;
    plan.most = std::numeric_limits<std::uint64_t>::max() >> (64 - bits + (has_sign ? 1 : 0));
    plan.least = has_sign ? -static_cast<std::int64_t>(plan.most) - 1 : 0;
  }
}

Error csv_no_column(std::string_view option, const std::string& name) {
  return Error(Errc::invalid_argument, "the option '" + std::string(option) + "' names the column \"" + name +
                                           "\", which the table does not have; see its first line");
}

Result<std::vector<CsvColumnPlan>> csv_plans(const CsvLayout& layout, const CsvOptions& options) {
  std::vector<CsvColumnPlan> plans(layout.names.size());
  std::map<std::string_view, CsvColumnPlan*> by_name;
  for (std::size_t at = 0; at < plans.size(); ++at) {
    plans[at].name = layout.names[at];
    plans[at].is_wanted = !options.columns;
    by_name.emplace(layout.names[at], &plans[at]);
    if (!options.type_of_all.empty()) {
      csv_give_type(plans[at], options.type_of_all);
    }
  }
  for (const auto& [name, type] : options.types) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      return csv_no_column("types", name);
    }
    csv_give_type(*found->second, type);
  }
  for (const std::string& name : options.columns.value_or(std::vector<std::string>())) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      return csv_no_column("columns", name);
    }
    found->second->is_wanted = true;
  }
  return plans;
}

/// Calls `act` for each piece. Throws std::bad_alloc if a call did.
template <class Act>
void csv_for_each(std::vector<CsvPiece>& pieces, const CsvWorkers& workers, Act act) {
  std::atomic<bool> lacks_memory = false;
  workers.for_each(pieces.size(), [&](std::size_t at) {
    try {
      act(pieces[at]);
    } catch (const std::bad_alloc&) {
      lacks_memory = true;
    }
  });
  if (lacks_memory) {
    throw std::bad_alloc();
  }
}

/// Returns the first error of the pieces. \param line that of the first piece
Result<void> csv_first_fault(const std::vector<CsvPiece>& pieces, std::uint64_t line) {
  for (const CsvPiece& piece : pieces) {
    if (piece.fault) {
      return Error(piece.fault->code,
                   "line " + std::to_string(line + piece.fault->line + 1) + ": " + piece.fault->text);
    }
    line += piece.lines;
  }
  return {};
}

std::vector<CsvKind> csv_kinds(const std::vector<CsvPiece>& pieces, const std::vector<CsvColumnPlan>& plans) {
  std::vector<CsvKind> kinds;
  for (std::size_t at = 0; at < plans.size(); ++at) {
    CsvKind kind = plans[at].kind;
    bool has_negative = false;
    bool has_large = false;
    bool has_missing = false;
    for (const CsvPiece& piece : pieces) {
      const CsvColumn& column = piece.columns[at];
      kind = csv_common(kind, column.kind());
      has_negative = has_negative || column.has_negative();
      has_large = has_large || column.has_large();
      has_missing = has_missing || (column.kind() == CsvKind::none && piece.rows > 0);
    }
    // No integers of 64 bits hold these.
    const bool is_real = plans[at].given.empty() && ((has_negative && has_large) || has_missing);
    kinds.push_back(kind == CsvKind::none || (kind == CsvKind::integer && is_real) ? CsvKind::real : kind);
  }
  return kinds;
}

/// The fields of one column in all pieces.
class CsvColumnOfPieces {
 public:
  CsvColumnOfPieces(std::vector<CsvPiece>& pieces, std::size_t at) : pieces_(pieces), at_(at) {
    for (const CsvPiece& piece : pieces) {
      rows_ += piece.rows;
      has_large_ = has_large_ || piece.columns[at].has_large();
      has_missing_ = has_missing_ || piece.columns[at].has_missing();
    }
  }

  [[nodiscard]] Result<Record> value(CsvKind kind, const std::string& given, const MakeArray& make) {
    switch (kind) {
      case CsvKind::text:
        return texts();
      case CsvKind::boolean:
        return has_missing_ ? Result<Record>(truths()) : array<bool>(make);
      case CsvKind::integer:
        return given.empty() ? (has_large_ ? array<std::uint64_t>(make) : array<std::int64_t>(make))
                             : integers(given, make);
      case CsvKind::none:
      case CsvKind::real:
        break;
    }
    return given == "f32" ? array<float>(make) : array<double>(make);
  }

 private:
  [[nodiscard]] Result<Record> integers(const std::string& type, const MakeArray& make) {
    return type == "i8"    ? array<std::int8_t>(make)
           : type == "i16" ? array<std::int16_t>(make)
           : type == "i32" ? array<std::int32_t>(make)
           : type == "i64" ? array<std::int64_t>(make)
           : type == "u8"  ? array<std::uint8_t>(make)
           : type == "u16" ? array<std::uint16_t>(make)
           : type == "u32" ? array<std::uint32_t>(make)
                           : array<std::uint64_t>(make);
  }

  template <class T>
  [[nodiscard]] Result<Record> array(const MakeArray& make) {
    auto draft = make(ElementType::of<T>(), Extents(rows_));
    if (!draft) {
      return draft.error();
    }
    std::byte* into = draft->bytes().data();
    for (CsvPiece& piece : pieces_) {
      const std::vector<std::uint64_t>& words = piece.columns[at_].words();
      if constexpr (sizeof(T) == sizeof(std::uint64_t)) {
        if (!words.empty()) {
          std::memcpy(into, words.data(), words.size() * sizeof(T));
        }
        into += words.size() * sizeof(T);
      } else {
        for (const std::uint64_t word : words) {
          T element;
          if constexpr (std::is_same_v<T, float>) {
            element = static_cast<float>(std::bit_cast<double>(word));
          } else {
            element = static_cast<T>(word);
          }
          std::memcpy(into, &element, sizeof element);
          into += sizeof element;
        }
      }
      piece.columns[at_].clear();
    }
    return Record(std::move(*draft).finish());
  }

  [[nodiscard]] Record truths() {
    Record::List list;
    list.reserve(rows_);
    for (CsvPiece& piece : pieces_) {
      for (const std::uint64_t word : piece.columns[at_].words()) {
        list.push_back(word == CsvColumn::missing_truth ? Record() : Record(word == 1));
      }
      piece.columns[at_].clear();
    }
    return Record::list(std::move(list));
  }

  [[nodiscard]] Record texts() {
    Record::List list;
    list.reserve(rows_);
    for (CsvPiece& piece : pieces_) {
      const std::string_view texts = piece.columns[at_].texts();
      std::uint64_t begin = 0;
      for (const std::uint64_t word : piece.columns[at_].words()) {
        const std::uint64_t end = word >> 1U;
        list.push_back((word & 1U) != 0 ? Record() : Record(texts.substr(begin, end - begin)));
        begin = end;
      }
      piece.columns[at_].clear();
    }
    return Record::list(std::move(list));
  }

  std::vector<CsvPiece>& pieces_;
  const std::size_t at_;
  std::uint64_t rows_ = 0;
  bool has_large_ = false;
  bool has_missing_ = false;
};

}  // namespace

Result<Record> csv_load_table(std::string_view bytes, const CsvOptions& options, const MakeArray& make,
                              const CsvWorkers& workers) {
  const auto layout = csv_layout(bytes, options);
  if (!layout) {
    return layout.error();
  }
  const auto plans = csv_plans(*layout, options);
  if (!plans) {
    return plans.error();
  }
  std::vector<CsvPiece> pieces;
  for (const std::string_view part : csv_split(layout->rows, workers.pieces, options.dialect)) {
    pieces.emplace_back().bytes = part;
  }
  csv_for_each(pieces, workers,
               [&](CsvPiece& piece) { piece = csv_read_piece(piece.bytes, *plans, options); });
  if (auto read = csv_first_fault(pieces, layout->lines); !read) {
    return read.error();
  }
  const std::vector<CsvKind> kinds = csv_kinds(pieces, *plans);
  csv_for_each(pieces, workers, [&](CsvPiece& piece) { csv_settle_piece(piece, *plans, kinds, options); });
  if (auto read = csv_first_fault(pieces, layout->lines); !read) {
    return read.error();
  }
  Record table = Record::members({});
  for (std::size_t at = 0; at < plans->size(); ++at) {
    const CsvColumnPlan& plan = (*plans)[at];
    if (!plan.is_wanted) {
      continue;
    }
    auto column = CsvColumnOfPieces(pieces, at).value(kinds[at], plan.given, make);
    if (!column) {
      return column.error();
    }
    table.set(plan.name, std::move(*column));
  }
  return table;
}

}  // namespace locum::storage
