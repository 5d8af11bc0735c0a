#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/ports/connector.hpp"
#include "core/ports/object_spill.hpp"
#include "tests/shm/kill_board.hpp"
#include "tests/shm/kill_scene.hpp"

namespace locum::tests {

/// Makes random calls of a connector for one rank of a run; records each call in the rank's journal before
/// and after it, and complains there of results that are wrong whatever the others do: undocumented errors,
/// and views with wrong bytes.
class KillPlayer {
 public:
  KillPlayer(const Scene& scene, Board& board, std::uint32_t own);

  /// \param spill null: objects do not leave memory
  void connect(std::shared_ptr<Connector> connector, std::shared_ptr<ObjectSpill> spill) {
    connector_ = std::move(connector);
    spill_ = std::move(spill);
  }
  void disconnect();

  /// Makes one random call.
  void step();

  void put(std::uint32_t name, bool replace, std::uint64_t size_bytes);
  void create(std::uint32_t name, std::uint64_t size_bytes);
  void seal_or_discard();
  void get(std::uint32_t name);
  void wait(std::uint32_t name);
  /// Gets an object reported by another rank: its key, and its name and value as far as they are known.
  void get_key(const Event& told, bool keep);
  void evict(std::uint32_t name);
  void evict_key(const Event& told);
  void drop();
  void list();
  /// list(), and get() of each name.
  void look_at_all();
  MemoryUsage usage();
  /// Releases one of the held views.
  void release();
  /// Releases all views and drafts.
  void let_go();

  /// The keys of all objects with a held view in the node's memory, each once; checks all held views.
  [[nodiscard]] std::vector<Key> held();
  /// The object of a key, as an event to report; nothing if it was evicted meanwhile.
  [[nodiscard]] std::optional<Event> told_of(const Key& key);

  [[nodiscard]] Event& begin(Act act, std::uint32_t name = unnamed);
  void end(Event& event);
  void complain(const std::string& text);

 private:
  struct Held {
    ObjectView view;
    std::uint64_t value = 0;
  };
  struct Draft {
    ObjectDraft draft;
    std::uint32_t name = unnamed;
    std::uint64_t value = 0;
  };

  template <class T>
  void reply(Event& event, const Result<T>& result, std::initializer_list<Errc> allowed);
  void note_sealed(Event& event, const Result<Sealed>& sealed);
  void note_found(Event& event, const Result<ObjectView>& view, bool keep);
  [[nodiscard]] Result<ObjectDraft> draft(std::uint32_t name, std::uint64_t size_bytes, std::uint64_t value);
  void ask_for_much();
  void move_some_to_disk();
  [[nodiscard]] std::uint64_t fresh_value();
  [[nodiscard]] std::optional<Event> some_object();
  [[nodiscard]] std::uint64_t any_size();
  [[nodiscard]] std::uint64_t draw(std::uint64_t below) { return random_() % below; }

  const Scene& scene_;
  Board& board_;
  const std::uint32_t own_;
  Journal& journal_;
  std::mt19937_64 random_;
  std::uint64_t made_ = 0;
  std::map<std::uint32_t, std::uint64_t> known_generations_;
  std::vector<Held> held_;
  std::vector<Draft> drafts_;
  std::shared_ptr<Connector> connector_;
  std::shared_ptr<ObjectSpill> spill_;
};

}  // namespace locum::tests
