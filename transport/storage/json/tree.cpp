// A folder with a file for each object: COLLECTION/NAME.json. The files are those of `file:`, which makes
// them atomic, durable and shared; here they become JSON.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "transport/storage/file/edited_files.hpp"
#include "transport/storage/json/entry.hpp"
#include "transport/storage/json/forms.hpp"
#include "transport/storage/json/text.hpp"
#include "transport/storage/json/traits.hpp"

namespace locum::storage {

namespace {

constexpr std::string_view json_ending = ".json";

class JsonTree final : public Backend {
 public:
  explicit JsonTree(std::shared_ptr<Backend> files) : files_(std::move(files)) {}

  const BackendTraits& traits() const noexcept override { return backends::json; }
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t /*last_bytes*/, Deadline deadline) override {
    const auto file = files_->load(file_of(key), whole_record, deadline);
    if (!file) {
      return file.error();
    }
    const auto entry = read_json({reinterpret_cast<const char*>(file->bytes.data()), file->bytes.size()});
    const auto record =
        entry ? record_of_json_entry(*entry, key.name) : Result<std::vector<std::byte>>(entry.error());
    if (!record) {
      return Error(record.error().code(),
                   "the file '" + std::string(key.space) + '/' + std::string(key.name) +
                       ".json' of json: " + record.error().text(),
                   record.error().detail());
    }
    return loaded_copy(*record, file->revision);
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    const auto entry = json_entry_of(record.bytes, key.name);
    const auto text = entry ? json_text_of(*entry) : Result<std::string>(entry.error());
    if (!text) {
      return text.error();
    }
    NewRecord file = record;
    file.owner = nullptr;
    file.bytes = std::as_bytes(std::span(*text));
    return files_->store(file_of(key), file, deadline);
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    return files_->remove(file_of(key), revision, deadline);
  }
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override {
    auto names = files_->list(space, prefix, deadline);
    if (names) {
      std::erase_if(*names, [](const std::string& name) {
        return !name.ends_with(json_ending) || name.size() == json_ending.size();
      });
      for (std::string& name : *names) {
        name.resize(name.size() - json_ending.size());
      }
      std::erase_if(*names, [prefix](const std::string& name) { return !name.starts_with(prefix); });
    }
    return names;
  }

 private:
  /// The key of the file of a record; `name` keeps its text.
  class FileKey {
   public:
    explicit FileKey(const RecordKey& key)
        : space_(key.space), name_(std::string(key.name).append(json_ending)) {}
    operator RecordKey() const noexcept { return {space_, name_}; }

   private:
    const std::string_view space_;
    const std::string name_;
  };
  [[nodiscard]] static FileKey file_of(const RecordKey& key) { return FileKey(key); }

  const std::shared_ptr<Backend> files_;
};

}  // namespace

Result<std::shared_ptr<Backend>> open_json_tree(const Url& url) {
  auto files = open_edited_files(url);
  return files ? Result<std::shared_ptr<Backend>>(std::make_shared<JsonTree>(std::move(*files)))
               : files.error();
}

}  // namespace locum::storage
