#include "transport/storage/formats/npy/text_column.hpp"

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

class TextColumn final : public NpyColumn {
 public:
  TextColumn(const NpyType& type, NpyShape shape)
      : is_ucs4_(type.kind == NpyType::Kind::text),
        is_swapped_(type.is_swapped),
        bytes_(static_cast<std::size_t>(type.bytes)),
        shape_(std::move(shape)) {
    std::uint64_t stride = 1;
    strides_.resize(shape_.extents.size());
    for (std::size_t at = strides_.size(); at-- > shape_.reversed;) {
      strides_[at] = stride;
      stride *= shape_.extents[at];
    }
    for (std::size_t at = 0; at < shape_.reversed; ++at) {
      strides_[at] = stride;
      stride *= shape_.extents[at];
    }
  }

  [[nodiscard]] Result<void> take(const std::byte* first, std::uint64_t stride,
                                  std::uint64_t count) override {
    for (std::uint64_t done = 0; done < count; ++done, first += stride) {
      if (!is_ucs4_) {
        std::string_view text(reinterpret_cast<const char*>(first), bytes_);
        const std::size_t last = text.find_last_not_of('\0');
        texts_.emplace_back(text.substr(0, last == std::string_view::npos ? 0 : last + 1));
      } else if (auto taken = take_characters(first); !taken) {
        return taken;
      }
    }
    return {};
  }
  [[nodiscard]] Result<Record> finish() override { return nested(0, 0); }

 private:
  [[nodiscard]] char32_t character_at(const std::byte* first, std::size_t at) const {
    std::uint32_t number;
    std::memcpy(&number, first + at * sizeof number, sizeof number);
    return is_swapped_ ? __builtin_bswap32(number) : number;
  }
  Result<void> take_characters(const std::byte* first) {
    std::size_t length = bytes_ / 4;
    while (length > 0 && character_at(first, length - 1) == 0) {
      --length;
    }
    std::string text;
    for (std::size_t at = 0; at < length; ++at) {
      const char32_t character = character_at(first, at);
      if (!is_code_point(character)) {
        return Error(Errc::corrupt,
                     "element " + std::to_string(texts_.size()) +
                         " (counted from 0, as they lie in the file) is no text: its character " +
                         std::to_string(at) + " has the number " + std::to_string(std::uint32_t{character}) +
                         ", which Unicode does not have; the file is damaged");
      }
      append_utf8(text, character);
    }
    texts_.emplace_back(std::move(text));
    return {};
  }
  Record nested(std::size_t dimension, std::uint64_t at) {
    if (dimension == shape_.extents.size()) {
      return std::move(texts_[static_cast<std::size_t>(at)]);
    }
    Record::List list;
    list.reserve(static_cast<std::size_t>(shape_.extents[dimension]));
    for (std::uint64_t index = 0; index < shape_.extents[dimension]; ++index) {
      list.push_back(nested(dimension + 1, at + index * strides_[dimension]));
    }
    return Record::list(std::move(list));
  }

  bool is_ucs4_;
  bool is_swapped_;
  std::size_t bytes_;  ///< of one text
  NpyShape shape_;
  std::vector<std::uint64_t> strides_;  ///< in texts, as they lie in the file
  std::vector<Record> texts_;
};

}  // namespace

Result<std::unique_ptr<NpyColumn>> make_text_column(const NpyType& type, NpyShape shape,
                                                    std::uint64_t& budget) {
  // Without texts, there are as many lists as the extents in front of the first 0 say.
  std::uint64_t lists = 1;
  for (const std::uint64_t extent : shape.extents) {
    if (extent == 0) {
      if (lists > budget) {
        return Error(Errc::corrupt, "the shape of the array has " + std::to_string(lists) +
                                        " lists without texts, more than the file has bytes; the file is "
                                        "damaged, or made to do harm");
      }
      budget -= lists;
      break;
    }
    lists *= extent;  // does not overflow: the shape was checked
  }
  return Result<std::unique_ptr<NpyColumn>>(std::make_unique<TextColumn>(type, std::move(shape)));
}

}  // namespace locum::storage
