#include "transport/storage/files/tree_format.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/hash.hpp"

namespace locum::storage {

namespace {

/// Folders within folders that are entered: links may lead in a circle.
constexpr std::size_t deepest_tree = 32;
constexpr std::uint64_t most_entries = std::uint64_t{1} << 26U;  ///< links may lead to a folder many times

/// Sums up the files of a tree.
class TreeSurvey {
 public:
  explicit TreeSurvey(FileArea& area) : area_(area) {}

  [[nodiscard]] Result<AreaFacts> operator()(const std::string& path) {
    auto facts = area_.facts(path);
    if (!facts) {
      return facts;
    }
    if (!facts->is_folder) {
      return Error(Errc::invalid_argument,
                   "this is a file, and values of this format are folders; name another format");
    }
    if (auto walked = walk(path, 0); !walked) {
      return walked.error();
    }
    facts->is_folder = false;
    facts->size_bytes = size_bytes_;
    facts->identity = std::to_string(files_) + '.' + std::to_string(first_) + '.' + std::to_string(second_);
    return facts;
  }

 private:
  // A file that went meanwhile is not there: the tree has another identity then.
  Result<void> walk(const std::string& folder, std::size_t depth) {
    const auto entries = area_.list(folder);
    if (!entries) {
      return entries.error().code() == Errc::not_found ? Result<void>() : Result<void>(entries.error());
    }
    for (const AreaEntry& entry : *entries) {
      const std::string path = folder.empty() ? entry.name : folder + '/' + entry.name;
      if (++entries_ > most_entries) {
        return Error(Errc::unsupported, "more than 67108864 files and folders are no one value").about(path);
      }
      if (entry.is_folder) {
        if (depth == deepest_tree) {
          return Error(Errc::unsupported, "folders within folders are more than 32 deep").about(path);
        }
        if (auto walked = walk(path, depth + 1); !walked) {
          return walked;
        }
        continue;
      }
      const auto facts = area_.facts(path);
      if (facts) {
        add(path + '\n' + facts->identity, facts->size_bytes);
      } else if (facts.error().code() != Errc::not_found) {
        return facts.error();
      }
    }
    return {};
  }
  void add(const std::string& content, std::uint64_t size_bytes) {
    ++files_;
    size_bytes_ += size_bytes;
    first_ = hash64(std::to_string(first_) + content);
    second_ = hash64(content + std::to_string(second_));
  }

  FileArea& area_;
  std::uint64_t entries_ = 0;
  std::uint64_t files_ = 0;
  std::uint64_t size_bytes_ = 0;
  std::uint64_t first_ = 0;
  std::uint64_t second_ = 1;
};

Error no_single_file() {
  return Error(Errc::unsupported, "values of this format are folders, which are not read as one file");
}

/// Returns the outcome of a call with a tree; an error about a file in it says so in its text, since that of
/// Files is about the tree.
template <class T>
Result<T> outcome_in_tree(Result<T> outcome, const Tree& tree) {
  const std::string below = tree.path + '/';
  if (outcome || !outcome.error().key().starts_with(below)) {
    return outcome;
  }
  const Error& error = outcome.error();
  return Error(error.code(), "in '" + error.key().substr(below.size()) + "': " + error.text(),
               error.detail());
}

class TreeFile final : public AreaFile {
 public:
  TreeFile(Tree tree, AreaFacts facts, LentProcessors lent)
      : tree_(std::move(tree)), facts_(std::move(facts)), lent_(std::move(lent)) {}

  [[nodiscard]] const Tree& tree() const noexcept { return tree_; }
  [[nodiscard]] const AreaFacts& facts() const noexcept override { return facts_; }
  [[nodiscard]] bool is_unchanged() const noexcept override {
    try {
      const auto now = tree_facts(tree_);
      return now && now->identity == facts_.identity;
    } catch (const std::exception&) {  // no memory: nobody knows
      return false;
    }
  }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return facts_.size_bytes; }
  [[nodiscard]] Result<void> read(std::uint64_t /*offset*/, std::span<std::byte> /*into*/) override {
    return no_single_file();
  }
  [[nodiscard]] Result<InPlace> in_place() override { return no_single_file(); }
  [[nodiscard]] bool is_mapped() const noexcept override { return false; }
  [[nodiscard]] const std::string& path() const noexcept override { return path_; }
  void concurrently(std::size_t count, const std::function<void(std::size_t)>& call) override {
    call_concurrently(count, call, lent_);
  }

 private:
  const Tree tree_;
  const AreaFacts facts_;
  const LentProcessors lent_;
  const std::string path_;  ///< empty: it is no file
};

class TreeDraft final : public AreaDraft {
 public:
  explicit TreeDraft(Tree tree) : tree_(std::move(tree)) {}

  [[nodiscard]] const Tree& tree() const noexcept { return tree_; }
  [[nodiscard]] Result<void> write(std::span<const std::byte> /*bytes*/) override { return no_single_file(); }
  [[nodiscard]] Result<void> write_at(std::uint64_t /*offset*/,
                                      std::span<const std::byte> /*bytes*/) override {
    return no_single_file();
  }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return 0; }
  [[nodiscard]] Result<void> publish() override { return {}; }  // save_tree() has written all of it
  [[nodiscard]] Result<bool> publish_if_free() override { return no_single_file(); }

 private:
  const Tree tree_;
};

}  // namespace

Result<AreaFacts> tree_facts(const Tree& tree) {
  return TreeSurvey(*tree.area)(tree.path);
}

Result<std::unique_ptr<AreaFile>> open_tree(const Tree& tree, const OpenedHow& how) {
  if (how.maps) {
    return Error(Errc::unsupported,
                 "values of this format are folders, which are not mapped; leave out .map");
  }
  auto facts = tree_facts(tree);
  return facts ? Result<std::unique_ptr<AreaFile>>(
                     std::make_unique<TreeFile>(tree, std::move(*facts), how.lent))
               : facts.error();
}

std::unique_ptr<AreaDraft> create_tree(const Tree& tree) {
  return std::make_unique<TreeDraft>(tree);
}

Result<Record> TreeFormat::load(FileBytes& file, const Record& options, const MakeArray& make) const {
  const auto* const opened = dynamic_cast<const TreeFile*>(&file);
  return opened == nullptr ? no_single_file()
                           : outcome_in_tree(load_tree(opened->tree(), options, make), opened->tree());
}

Result<void> TreeFormat::save(const Record& value, FileDraft& file, const Record& options) const {
  const auto* const draft = dynamic_cast<const TreeDraft*>(&file);
  return draft == nullptr ? no_single_file()
                          : outcome_in_tree(save_tree(value, draft->tree(), options), draft->tree());
}

Result<Record> TreeFormat::info(FileBytes& file, const Record& options) const {
  const auto* const opened = dynamic_cast<const TreeFile*>(&file);
  return opened == nullptr ? no_single_file()
                           : outcome_in_tree(tree_info(opened->tree(), options), opened->tree());
}

}  // namespace locum::storage
