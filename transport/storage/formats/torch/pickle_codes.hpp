#pragma once

#include <cstdint>
#include <string_view>

/// Instructions of Python's pickle, as PEP 307, 3154 and 574 and the module pickletools describe them.
namespace locum::storage::pickle {

inline constexpr std::uint8_t mark = '(';
inline constexpr std::uint8_t stop = '.';
inline constexpr std::uint8_t pop = '0';
inline constexpr std::uint8_t pop_mark = '1';
inline constexpr std::uint8_t dup = '2';
inline constexpr std::uint8_t bin_bytes = 'B';
inline constexpr std::uint8_t short_bin_bytes = 'C';
inline constexpr std::uint8_t bin_float = 'G';
inline constexpr std::uint8_t bin_int = 'J';
inline constexpr std::uint8_t bin_int1 = 'K';
inline constexpr std::uint8_t bin_int2 = 'M';
inline constexpr std::uint8_t none = 'N';
inline constexpr std::uint8_t bin_persid = 'Q';
inline constexpr std::uint8_t reduce = 'R';
inline constexpr std::uint8_t bin_unicode = 'X';
inline constexpr std::uint8_t empty_list = ']';
inline constexpr std::uint8_t append = 'a';
inline constexpr std::uint8_t build = 'b';
inline constexpr std::uint8_t global = 'c';
inline constexpr std::uint8_t appends = 'e';
inline constexpr std::uint8_t bin_get = 'h';
inline constexpr std::uint8_t long_bin_get = 'j';
inline constexpr std::uint8_t bin_put = 'q';
inline constexpr std::uint8_t long_bin_put = 'r';
inline constexpr std::uint8_t set_item = 's';
inline constexpr std::uint8_t tuple = 't';
inline constexpr std::uint8_t set_items = 'u';
inline constexpr std::uint8_t empty_dict = '}';
inline constexpr std::uint8_t empty_tuple = ')';
inline constexpr std::uint8_t proto = 0x80;
inline constexpr std::uint8_t tuple1 = 0x85;  ///< followed by those of two and three items
inline constexpr std::uint8_t tuple2 = 0x86;
inline constexpr std::uint8_t tuple3 = 0x87;
inline constexpr std::uint8_t new_true = 0x88;
inline constexpr std::uint8_t new_false = 0x89;
inline constexpr std::uint8_t long1 = 0x8A;
inline constexpr std::uint8_t long4 = 0x8B;
inline constexpr std::uint8_t short_bin_unicode = 0x8C;
inline constexpr std::uint8_t bin_unicode8 = 0x8D;
inline constexpr std::uint8_t bin_bytes8 = 0x8E;
inline constexpr std::uint8_t stack_global = 0x93;
inline constexpr std::uint8_t memoize = 0x94;
inline constexpr std::uint8_t frame = 0x95;

/// Returns the name of an instruction that exists, but is not read; empty for others. Texts of protocol 0 are
/// among them, which torch does not write, and what makes objects and sets.
[[nodiscard]] constexpr std::string_view name_of_unread(std::uint8_t code) noexcept {
  switch (code) {
    case 'F':
      return "FLOAT";
    case 'I':
      return "INT";
    case 'L':
      return "LONG";
    case 'S':
      return "STRING";
    case 'T':
      return "BINSTRING";
    case 'U':
      return "SHORT_BINSTRING";
    case 'V':
      return "UNICODE";
    case 'P':
      return "PERSID";
    case 'd':
      return "DICT";
    case 'g':
      return "GET";
    case 'i':
      return "INST";
    case 'l':
      return "LIST";
    case 'o':
      return "OBJ";
    case 'p':
      return "PUT";
    case 0x81:
      return "NEWOBJ";
    case 0x82:
    case 0x83:
    case 0x84:
      return "EXT";
    case 0x8F:
      return "EMPTY_SET";
    case 0x90:
      return "ADDITEMS";
    case 0x91:
      return "FROZENSET";
    case 0x92:
      return "NEWOBJ_EX";
    case 0x96:
      return "BYTEARRAY8";
    case 0x97:
      return "NEXT_BUFFER";
    case 0x98:
      return "READONLY_BUFFER";
    default:
      return {};
  }
}

}  // namespace locum::storage::pickle
