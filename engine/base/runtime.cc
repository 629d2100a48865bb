#include "engine/base/runtime.h"

#include <pthread.h>

#include <thread>
#include <utility>

namespace pgz {
namespace {

constexpr size_t kThreadNameMax = 15;  // Linux keeps 16 bytes with the terminator

class JoinableThread final : public Joinable {
 public:
  JoinableThread(std::string name, std::function<void()> fn)
      : thread_([name = std::move(name), fn = std::move(fn)] {
#if defined(__linux__)
          pthread_setname_np(pthread_self(), name.substr(0, kThreadNameMax).c_str());
#elif defined(__APPLE__)
          pthread_setname_np(name.c_str());
#endif
          fn();
        }) {
  }
  ~JoinableThread() override { join(); }
  void join() override {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
};

class ThreadExecutor final : public Executor {
 public:
  std::unique_ptr<Joinable> spawn(const std::string& name, std::function<void()> fn) override {
    return std::make_unique<JoinableThread>(name, std::move(fn));
  }
};

}  // namespace

Executor* thread_executor() {
  static ThreadExecutor executor;
  return &executor;
}

}  // namespace pgz
