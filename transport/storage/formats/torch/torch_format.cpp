#include "transport/storage/formats/torch/torch_format.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/formats/text/format_options.hpp"
#include "transport/storage/formats/torch/pickle_reader.hpp"
#include "transport/storage/formats/torch/torch_archive.hpp"
#include "transport/storage/formats/torch/torch_content.hpp"
#include "transport/storage/formats/torch/torch_storages.hpp"
#include "transport/storage/formats/torch/torch_values.hpp"
#include "transport/storage/zip/zip_fields.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::string_view, 2> torch_endings{".pt", ".pth"};
constexpr std::array<FormatOption, 2> torch_format_options{
    {{"half", "\"f32\" loads floating-point numbers of 16 bits (half, bfloat16) as f32, which is exact"},
     {"keys", "\"text\" loads integers that are keys of dicts as texts, as in the state of an optimizer"}}};
constexpr FormatTraits torch_traits{
    .name = "torch",
    .endings = torch_endings,
    .holds = "a checkpoint of PyTorch: tensors and plain values, nested in dicts and lists",
    .options = torch_format_options,
};

/// What the options ask for.
struct TorchChoices {
  bool half_as_f32 = false;
  bool keys_as_text = false;
};

Result<TorchChoices> torch_choices_of(const Record& options) {
  const FormatOptions given(options);
  TorchChoices choices{.half_as_f32 = given.has("half"), .keys_as_text = given.has("keys")};
  const auto half = given.word("half", {"f32"}, "f32");
  const auto keys = given.word("keys", {"text"}, "text");
  if (!half || !keys) {
    return !half ? half.error() : keys.error();
  }
  return choices;
}

class TorchFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override { return torch_traits; }
  [[nodiscard]] bool recognises(std::span<const std::byte> first) const noexcept override {
    if (is_early_torch(first)) {
      return true;
    }
    if (first.size() < zip_local_bytes || zip_u32(first, 0) != zip_local_signature) {
      return false;
    }
    const std::string_view text(reinterpret_cast<const char*>(first.data()), first.size());
    return text.substr(zip_local_bytes, zip_u16(first, 26)).ends_with("/data.pkl");
  }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record& options,
                                    const MakeArray& make) const override {
    return format_call([&]() -> Result<Record> {
      const auto choices = torch_choices_of(options);
      if (!choices) {
        return choices.error();
      }
      const auto archive = TorchArchive::open(file);
      if (!archive) {
        return archive.error();
      }
      const auto graph = PickleReader(archive->pickle(), torch_known_names()).read();
      if (!graph) {
        return graph.error();
      }
      TorchStorages storages(*archive, make, choices->half_as_f32);
      TorchValues values(*graph, choices->keys_as_text,
                         [&storages](const TorchTensor& tensor) -> Result<Record> {
                           auto array = storages.tensor(tensor);
                           return array ? Result<Record>(Record(std::move(*array))) : array.error();
                         });
      const auto counted = values.for_each_tensor(
          [&storages](const TorchTensor& tensor) { storages.count(tensor.storage.key); });
      return counted ? values.root() : counted.error();
    });
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file, const Record&) const override {
    return format_call([&]() -> Result<void> {
      const auto content = TorchContent::of(value);
      return content ? content->write(file) : content.error();
    });
  }
  [[nodiscard]] Result<Record> info(FileBytes& file, const Record& options) const override {
    return format_call([&]() -> Result<Record> {
      const auto choices = torch_choices_of(options);
      if (!choices) {
        return choices.error();
      }
      const auto archive = TorchArchive::open(file);
      if (!archive) {
        return archive.error();
      }
      const auto graph = PickleReader(archive->pickle(), torch_known_names()).read();
      if (!graph) {
        return graph.error();
      }
      return TorchValues(*graph, choices->keys_as_text,
                         [](const TorchTensor& tensor) -> Result<Record> { return describe_torch(tensor); })
          .root();
    });
  }
};

}  // namespace

std::shared_ptr<const Format> torch_format() {
  return std::make_shared<const TorchFormat>();
}

}  // namespace locum::storage
