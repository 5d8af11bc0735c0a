#pragma once

namespace locum {

/// The time in which a thread waits inside the library for something that another thread may have to do. Made
/// at the beginning of such a wait, before any lock is taken, and destroyed at its end. Notifies the listener
/// of the calling thread, if there is one: a thread that runs continuations lets another one run those that
/// are queued behind it. Of nested waits only the outermost counts.
class BlockingWait {
 public:
  /// Of one thread, which calls it.
  class Listener {
   public:
    Listener() = default;
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    virtual void begin_wait() noexcept = 0;
    /// May wait itself.
    virtual void end_wait() noexcept = 0;

   protected:
    ~Listener() = default;
  };

  BlockingWait() noexcept;
  BlockingWait(const BlockingWait&) = delete;
  BlockingWait& operator=(const BlockingWait&) = delete;
  ~BlockingWait();

  /// Sets the listener of the calling thread, which has to outlive the thread's waits.
  static void listen(Listener& listener) noexcept;

 private:
  Listener* const listener_;  ///< null: none, or this wait is part of another one
};

}  // namespace locum
