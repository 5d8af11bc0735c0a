#include "transport/storage/zarr/fill_value.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "transport/storage/formats/npy/half_number.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/element_number.hpp"
#include "transport/storage/zarr/metadata_member.hpp"

namespace locum::storage {

namespace {

constexpr std::string_view fill_member = "fill_value";

/// Appends the low bytes of a number, in the order of this machine.
void append_fill_bits(std::vector<std::byte>& bytes, std::uint64_t bits, std::size_t count) {
  const auto raw = std::bit_cast<std::array<std::byte, sizeof bits>>(bits);
  const std::size_t first = std::endian::native == std::endian::little ? 0 : sizeof bits - count;
  bytes.insert(bytes.end(), raw.begin() + static_cast<std::ptrdiff_t>(first),
               raw.begin() + static_cast<std::ptrdiff_t>(first + count));
}

std::uint64_t fill_bits_at(const std::byte* at, std::size_t count) {
  std::array<std::byte, sizeof(std::uint64_t)> raw{};
  std::memcpy(raw.data() + (std::endian::native == std::endian::little ? 0 : raw.size() - count), at, count);
  return std::bit_cast<std::uint64_t>(raw);
}

/// A floating-point number of 2, 4 or 8 bytes: its bits as an unsigned integer.
struct FillReal {
  std::size_t bytes;

  /// Returns nothing for a finite number beyond the range.
  [[nodiscard]] std::optional<std::uint64_t> bits_of(double number) const {
    if (bytes == 8) {
      return std::bit_cast<std::uint64_t>(number);
    }
    if (bytes == 2) {
      return half_bits_of(number);
    }
    const auto single = static_cast<float>(number);
    return std::isinf(single) && !std::isinf(number)
               ? std::nullopt
               : std::optional<std::uint64_t>(std::bit_cast<std::uint32_t>(single));
  }
  [[nodiscard]] double number_of(std::uint64_t bits) const {
    if (bytes == 8) {
      return std::bit_cast<double>(bits);
    }
    const std::uint32_t single =
        bytes == 2 ? float_bits_of_half(static_cast<std::uint16_t>(bits)) : static_cast<std::uint32_t>(bits);
    return std::bit_cast<float>(single);
  }
  /// Returns the NaN that `"NaN"` means.
  [[nodiscard]] std::uint64_t nan() const {
    return bytes == 8 ? 0x7FF8000000000000U : bytes == 4 ? 0x7FC00000U : 0x7E00U;
  }
};

Error wrong_fill(const std::string& need) {
  return wrong_zarr_member(fill_member, "is no " + need);
}

Result<std::uint64_t> fill_bits_of_text(std::string_view text, FillReal real, int version) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (text == "NaN") {
    return real.nan();
  }
  if (text == "Infinity" || text == "-Infinity") {
    return real.bits_of(text.front() == '-' ? -infinity : infinity).value();
  }
  if (version == 3 && text.starts_with("0x") && text.size() == 2 + 2 * real.bytes) {
    std::uint64_t bits = 0;
    const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), bits, 16);
    if (error == std::errc() && end == text.data() + text.size()) {
      return bits;
    }
  }
  return wrong_zarr_member(fill_member,
                           "is " + quoted_name(text) + "; texts are \"NaN\", \"Infinity\", \"-Infinity\"" +
                               (version == 3 ? ", or 0x and the " + std::to_string(2 * real.bytes) +
                                                   " hexadecimal digits of a number's bits"
                                             : ""));
}

/// Returns the bits of a real number.
Result<std::uint64_t> fill_real_bits(const Record& value, FillReal real, int version) {
  std::optional<std::uint64_t> bits;
  if (value.kind() == Record::Kind::text) {
    return fill_bits_of_text(value.text(), real, version);
  }
  if (value.kind() == Record::Kind::real) {
    const double number = value.as<double>().value();
    if (std::isnan(number) && version == 2) {  // as a literal, which Python writes
      return real.nan();
    }
    if (!std::isfinite(number) && version == 3) {
      return wrong_fill("number; NaN and infinities are written as texts");
    }
    bits = real.bits_of(number);
  } else if (value.kind() == Record::Kind::integer) {
    // One step, so that it is rounded only once.
    const auto with_sign = value.as<std::int64_t>();
    const auto as = [&]<class Real>(Real /*type*/) {
      return static_cast<double>(with_sign ? static_cast<Real>(*with_sign)
                                           : static_cast<Real>(value.as<std::uint64_t>().value()));
    };
    bits = real.bits_of(real.bytes == 4 ? as(float()) : as(double()));
  } else {
    return wrong_fill("number, and no text of one");
  }
  return bits ? Result<std::uint64_t>(*bits)
              : wrong_fill("number that " + std::to_string(8 * real.bytes) + " bits hold; it is too large");
}

Result<void> append_fill_real(std::vector<std::byte>& bytes, const Record& value, const ZarrType& type,
                              std::size_t part_bytes, int version) {
  const auto bits = fill_real_bits(value, {type.is_half ? 2 : part_bytes}, version);
  if (!bits) {
    return bits.error();
  }
  append_fill_bits(bytes, type.is_half ? float_bits_of_half(static_cast<std::uint16_t>(*bits)) : *bits,
                   part_bytes);
  return {};
}

/// Returns the bits of an integer of 1 to 8 bytes.
Result<std::uint64_t> fill_integer_bits(const Record& value, bool has_sign, std::size_t count, int version) {
  Record number = value;
  // Version 2 wrote what NumPy made of a fill value, where 0.0 is one of integers.
  if (version == 2 && value.kind() == Record::Kind::real) {
    const double real = value.as<double>().value();
    if (std::trunc(real) == real && std::fabs(real) <= 0x1p53) {
      number = Record(static_cast<std::int64_t>(real));
    }
  }
  const unsigned bits = static_cast<unsigned>(8 * count);
  if (number.kind() == Record::Kind::integer) {
    if (has_sign) {
      const auto least = std::numeric_limits<std::int64_t>::min() >> (64 - bits);
      const auto wide = number.as<std::int64_t>();
      if (wide && *wide >= least && *wide <= ~least) {
        return static_cast<std::uint64_t>(*wide);
      }
    } else if (const auto wide = number.as<std::uint64_t>();
               wide && *wide <= ~std::uint64_t{0} >> (64 - bits)) {
      return *wide;
    }
  }
  return wrong_fill("integer of " + std::to_string(bits) + " bits" + (has_sign ? " with a sign" : ""));
}

Result<std::uint64_t> fill_truth(const Record& value, int version) {
  if (value.kind() == Record::Kind::boolean) {
    return value.as<bool>().value() ? 1U : 0U;
  }
  if (const auto number = value.as<std::uint64_t>(); version == 2 && number && *number <= 1) {
    return *number;
  }
  return wrong_fill("truth value");
}

/// Returns the size of a half of a complex number; 0 for another type.
std::size_t complex_part_bytes(const ElementType& element) {
  return element.name() == "c64" ? 4 : element.name() == "c128" ? 8 : 0;
}

Result<Record> fill_real_record(const std::byte* at, const ZarrType& type, std::size_t part_bytes,
                                int version) {
  const FillReal wide{part_bytes};
  FillReal real = wide;
  std::uint64_t bits = fill_bits_at(at, part_bytes);
  double number = wide.number_of(bits);
  if (type.is_half) {
    const std::uint64_t single = bits;
    // Not by way of a double, in which a signalling NaN becomes a quiet one.
    const auto half =
        std::isnan(number)
            ? std::optional<std::uint16_t>((single >> 16U & 0x8000U) | 0x7C00U | (single >> 13U & 0x3FFU))
            : half_bits_of(number);
    if (!half || float_bits_of_half(*half) != single) {
      return Error(Errc::invalid_argument,
                   "the fill value is no number that float16 holds exactly; give one that it holds");
    }
    real.bytes = 2;
    bits = *half;
    number = real.number_of(bits);
  }
  if (std::isnan(number)) {
    if (version == 2 || bits == real.nan()) {
      return Record("NaN");
    }
    std::array<char, 16> digits;
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), bits, 16);
    const auto count = static_cast<std::size_t>(end - digits.data());
    return Record("0x" + std::string(2 * real.bytes - count, '0').append(digits.data(), count));
  }
  if (std::isinf(number)) {
    return Record(number < 0 ? "-Infinity" : "Infinity");
  }
  return Record(number);
}

}  // namespace

Result<std::vector<std::byte>> zarr_fill_of(const Record& value, const ZarrType& type, int version) {
  std::vector<std::byte> bytes;
  if (const std::size_t part = complex_part_bytes(type.element); part != 0) {
    if (value.kind() != Record::Kind::list || value.size() != 2) {
      return wrong_fill("list of two numbers, the parts of a complex one");
    }
    for (const Record& half : value.list()) {
      if (auto appended = append_fill_real(bytes, half, type, part, version); !appended) {
        return appended.error();
      }
    }
    return bytes;
  }
  const std::size_t count = type.element.bytes();
  const auto number = element_number_type(type.element.name());
  const auto kind = number ? number->kind : ElementNumber::Kind::without_sign;  // `byte`
  if (kind == ElementNumber::Kind::real) {
    if (auto appended = append_fill_real(bytes, value, type, count, version); !appended) {
      return appended.error();
    }
    return bytes;
  }
  const auto bits = kind == ElementNumber::Kind::truth
                        ? fill_truth(value, version)
                        : fill_integer_bits(value, kind == ElementNumber::Kind::with_sign, count, version);
  if (!bits) {
    return bits.error();
  }
  append_fill_bits(bytes, *bits, count);
  return bytes;
}

Result<Record> zarr_fill_record(std::span<const std::byte> fill, const ZarrType& type, int version) {
  const std::size_t count = type.element.bytes();
  if (fill.size() != count) {
    return Error(Errc::invalid_argument, "the fill value has " + std::to_string(fill.size()) +
                                             " bytes, and an element " + std::to_string(count));
  }
  if (const std::size_t part = complex_part_bytes(type.element); part != 0) {
    auto real = fill_real_record(fill.data(), type, part, version);
    auto imaginary = fill_real_record(fill.data() + part, type, part, version);
    return Record::list({std::move(real).value(), std::move(imaginary).value()});
  }
  const auto number = element_number_type(type.element.name());
  const std::uint64_t bits = count <= 8 ? fill_bits_at(fill.data(), count) : 0;
  switch (number ? number->kind : ElementNumber::Kind::without_sign) {
    case ElementNumber::Kind::truth:
      if (bits > 1) {
        return Error(Errc::invalid_argument, "the fill value is no truth value: its byte is neither 0 nor 1");
      }
      return Record(bits != 0);
    case ElementNumber::Kind::with_sign: {
      const unsigned unused = static_cast<unsigned>(64 - 8 * count);
      return Record(static_cast<std::int64_t>(bits << unused) >> unused);
    }
    case ElementNumber::Kind::without_sign:
      return Record(bits);
    case ElementNumber::Kind::real:
      break;
  }
  return fill_real_record(fill.data(), type, count, version);
}

}  // namespace locum::storage
