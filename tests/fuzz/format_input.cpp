#include "tests/fuzz/format_input.hpp"

#include <algorithm>
#include <complex>
#include <cstring>
#include <string>

#include "tests/fuzz/input.hpp"
#include "tests/transport/storage/formats/memory_file.hpp"

namespace locum::tests {

namespace {

/// A file may become so many times as many bytes as it has: deflate makes 1032 of one, and each of their bits
/// may be a pixel of one byte.
constexpr std::uint64_t most_growth = 8 * 1040;
constexpr std::uint64_t most_for_nothing = 1U << 16U;

/// Compares bits: a NaN equals itself.
bool same_bits(const Record& a, const Record& b);

bool same_members(const Record& a, const Record& b) {
  for (const auto& [name, value] : a.members()) {
    const Record* const other = b.members().find(name);
    if (other == nullptr || !same_bits(value, *other)) {
      return false;
    }
  }
  return a.size() == b.size();
}

bool same_bits(const Record& a, const Record& b) {
  if (a.kind() != b.kind()) {
    return false;
  }
  switch (a.kind()) {
    case Record::Kind::real: {
      const double x = a.as<double>().value();
      const double y = b.as<double>().value();
      return std::memcmp(&x, &y, sizeof x) == 0;
    }
    case Record::Kind::complex: {
      const auto x = a.as<std::complex<double>>().value();
      const auto y = b.as<std::complex<double>>().value();
      return std::memcmp(&x, &y, sizeof x) == 0;
    }
    case Record::Kind::list:
      for (std::size_t at = 0; at < a.size() && at < b.size(); ++at) {
        if (!same_bits(a[at], b[at])) {
          return false;
        }
      }
      return a.size() == b.size();
    case Record::Kind::members:
      return same_members(a, b);
    default:
      return a == b;
  }
}

/// Reads each byte of a value.
std::uint64_t sum_of_value(const Record& value) {
  std::uint64_t sum = sum_of(value.text());
  if (const Array array = value.array()) {
    const Array packed = array.packed().value();
    sum += sum_of(packed.bytes());
  }
  if (value.kind() == Record::Kind::bytes) {
    const auto bytes = value.as<Record::Bytes>().value();
    sum += sum_of(std::span(bytes));
  }
  for (const Record& one : value.list()) {
    sum += sum_of_value(one);
  }
  for (const auto& [name, one] : value.members()) {
    sum += sum_of(name) + sum_of_value(one);
  }
  return sum;
}

Result<Record> load_from(const Format& format, std::span<const std::byte> input, bool is_mapped,
                         const Record& options) {
  MemoryFile file(input, is_mapped);
  std::uint64_t left = input.size() * most_growth + most_for_nothing;
  const MakeArray make = [&left](const ElementType& element, const Extents& extents) {
    auto draft = ArrayDraft::make(element, extents);
    if (draft) {
      demand(draft->bytes().size() <= left, "more memory is made than the file justifies");
      left -= draft->bytes().size();
    }
    return draft;
  };
  return format.load(file, options, make);
}

/// Saves what was loaded, and loads it again.
void save_and_load(const Format& format, const Record& value, const Record& options) {
  MemoryDraft draft;
  if (!format.traits().saves || !format.save(value, draft, options)) {
    return;
  }
  const auto again = load_from(format, draft.bytes(), true, options);
  demand(again.has_value(), "what was saved cannot be loaded");
  MemoryDraft second;
  demand(format.save(*again, second, options).has_value(), "what was saved and loaded cannot be saved again");
  demand(second.bytes() == draft.bytes(), "what was saved and loaded is saved otherwise");
}

}  // namespace

void read_as_format(const Format& format, std::span<const std::byte> input, const Record& options) {
  (void)format.recognises(input.first(std::min<std::size_t>(input.size(), 512)));
  const auto read = load_from(format, input, false, options);
  const auto mapped = load_from(format, input, true, options);
  if (read && mapped) {
    all_sums = all_sums + sum_of_value(*read) + sum_of_value(*mapped);
    demand(same_bits(*read, *mapped), "a mapped file is another value than one that is read");
    save_and_load(format, *read, options);
  }
  for (const bool is_mapped : {false, true}) {
    MemoryFile file(input, is_mapped);
    const auto info = format.info(file, options);
    all_sums = all_sums + (info ? sum_of_value(*info) : sum_of(info.error().text()));
    demand(info || !(is_mapped ? mapped : read), "what a file holds is not known, but it was loaded");
  }
}

void read_as_format(const Format& format, std::span<const std::byte> input) {
  read_as_format(format, input, Record::members({}));
  const auto& options = format.traits().options;
  if (std::ranges::any_of(options, [](const FormatOption& each) { return each.name == "attributes"; })) {
    read_as_format(format, input, {{"attributes", true}, {"skip", true}, {"half", "f32"}});
  }
}

}  // namespace locum::tests
