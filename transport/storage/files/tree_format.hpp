#pragma once

#include <memory>
#include <string>

#include "core/format.hpp"
#include "core/value/result.hpp"
#include "transport/storage/files/area.hpp"

namespace locum::storage {

/// A folder with all that is below it, which a TreeFormat loads and saves as others do one file.
struct Tree {
  std::shared_ptr<FileArea> area;
  std::string path;
};

/// Returns the size of all files, and an identity of their content. `not_found`; `invalid_argument` if the
/// path is that of a file.
[[nodiscard]] Result<AreaFacts> tree_facts(const Tree& tree);
/// The same errors; `unsupported` if the tree is to be mapped.
[[nodiscard]] Result<std::unique_ptr<AreaFile>> open_tree(const Tree& tree, const OpenedHow& how);
[[nodiscard]] std::unique_ptr<AreaDraft> create_tree(const Tree& tree);

/// A format whose values are several files below one path. Who opens the path finds nothing before all of
/// them are there: save_tree() writes last what makes the folder what it is.
class TreeFormat : public Format {
 public:
  [[nodiscard]] bool recognises(std::span<const std::byte> /*first*/) const noexcept final { return false; }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record& options,
                                    const MakeArray& make) const final;
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file, const Record& options) const final;
  [[nodiscard]] Result<Record> info(FileBytes& file, const Record& options) const final;

 private:
  [[nodiscard]] virtual Result<Record> load_tree(const Tree& tree, const Record& options,
                                                 const MakeArray& make) const = 0;
  /// `key_exists` if there is such a value already.
  [[nodiscard]] virtual Result<void> save_tree(const Record& value, const Tree& tree,
                                               const Record& options) const = 0;
  [[nodiscard]] virtual Result<Record> tree_info(const Tree& tree, const Record& options) const = 0;
};

}  // namespace locum::storage
