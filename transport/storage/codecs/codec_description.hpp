#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/record.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// Where the members that describe a codec were written; this decides which of them may be missing.
enum class CodecForm : std::uint8_t {
  v2,  ///< metadata of version 2, as numcodecs writes them: a missing member has the value that it has there
  v3,  ///< metadata of version 3, whose specification has no values for most missing members
  text,        ///< a program's text: a missing member has the value that suits most data
  text_of_v3,  ///< such a text for an array of version 3
};

/// The value of a missing member in each form; none: it must be given.
template <class T>
struct MissingMember {
  std::optional<T> v2;
  std::optional<T> v3;
  std::optional<T> text;

  [[nodiscard]] const std::optional<T>& in(CodecForm form) const noexcept {
    return form == CodecForm::v2 ? v2 : form == CodecForm::v3 ? v3 : text;
  }
};

/// Reads the members that describe a codec. They are not trusted. All errors are `invalid_argument`, and name
/// the codec and the member.
class CodecDescription {
 public:
  /// \param codec the name for errors \param members lives longer than this reader, and may be null
  /// \param element_bytes of an element of the array, at least 1
  CodecDescription(std::string_view codec, CodecForm form, const Record& members, std::size_t element_bytes)
      : codec_(codec), form_(form), members_(members), element_bytes_(element_bytes) {}

  [[nodiscard]] CodecForm form() const noexcept { return form_; }
  [[nodiscard]] std::size_t element_bytes() const noexcept { return element_bytes_; }
  [[nodiscard]] bool has(std::string_view name) const noexcept;

  /// Refuses members with other names than these.
  [[nodiscard]] Result<void> knows_only(std::initializer_list<std::string_view> names) const;
  [[nodiscard]] Result<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most,
                                             const MissingMember<std::int64_t>& missing) const;
  [[nodiscard]] Result<bool> boolean(std::string_view name, const MissingMember<bool>& missing) const;
  /// Returns the position in `choices` of a member's text.
  [[nodiscard]] Result<std::size_t> choice(std::string_view name,
                                           std::initializer_list<std::string_view> choices,
                                           const MissingMember<std::size_t>& missing) const;
  /// Returns an error about a member: "zstd: level must be …".
  [[nodiscard]] Error wrong(std::string_view name, const std::string& expected) const;

 private:
  [[nodiscard]] Error is_missing(std::string_view name) const;

  std::string_view codec_;
  CodecForm form_;
  const Record& members_;
  std::size_t element_bytes_;
};

/// Returns the description of a codec for metadata of version 2 or 3. \param name of version 3
/// \param id of version 2 \param members beside `id`, or in `configuration`; there are some, or it is none of
/// numcodecs, whose codecs always have a configuration
[[nodiscard]] Record description_of_codec(int version, std::string_view name, std::string_view id,
                                          const RecordMembers& members);

}  // namespace locum::storage
