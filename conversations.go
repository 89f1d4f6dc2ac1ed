package smooch

import (
	"cmp"
	"context"
	"iter"
	"time"
)

// ConversationsService posts and reads the messages of app users. A userID argument is the
// generated _id or your own userId, any text. Each user has one conversation, made by the first message.
type ConversationsService struct{ c *Client }

// Get gives a user's conversation with its messages, all of them. It fails with [ErrNotFound] if the
// user has no conversation yet.
//
// Deprecated: only v1 promises it. Use [ConversationsService.Messages].
//
//	GET /appusers/{userId}/conversation
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: REST reference v1, "Get Conversation".
func (s *ConversationsService) Get(ctx context.Context, userID string, opts ...CallOption) (*Conversation, error) {
	return one[Conversation](ctx, s.c, opConversationGet.with(userID), opts)
}

// PostMessage posts a message to a user's conversation:
//
//	app.Conversations.PostMessage(ctx, userID, smooch.TextMessage("Noon it is."))
//
// A missing role is appUser for a credential of one user, else appMaker; on v1.1 a missing type is that of
// the content. It is never sent twice by the SDK: [ErrOutcomeUnknown] says that it may have
// arrived, and [WithSendToken] finds out.
//
//	POST /appusers/{userId}/conversation/messages
//	POST /appusers/{userId}/messages
//
// The first path is v1's, the second v1.1's. Messages of the role appMaker need the scope app,
// appMaker or account.
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) PostMessage(ctx context.Context, userID string, message MessagePost, opts ...CallOption) (*MessageResponse, error) {
	row := opMessagesCreate
	if s.c.version == V1 {
		row = opConversationPostMessage
	}
	message.Role = cmp.Or(message.Role, s.c.core.role)
	if message.Type == "" && s.c.version == V1_1 {
		message.Type = message.contentType()
	}
	r := row.with(userID).json(message)
	if message.Type == "" && message.Message == nil && s.c.version == V1_1 {
		r.refuse("message", "has neither a type, which v1.1 requires, nor content that tells it")
	}
	return one[MessageResponse](ctx, s.c, r, opts)
}

// UploadImage uploads an image and posts it to a user's conversation as message, whose members
// (role, name, text, metadata and the rest) are sent as form fields, objects among them as JSON.
// A missing role is filled in as in [ConversationsService.PostMessage].
//
// Deprecated: on v1.1 use [AttachmentsService.Upload] and [ImageMessage].
//
//	POST /appusers/{userId}/conversation/images
//	POST /appusers/{userId}/images
//
// The first path is v1's, the second v1.1's. Messages of the role appMaker need the scope app,
// appMaker or account.
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *ConversationsService) UploadImage(ctx context.Context, userID string, image Upload, message MessagePost, opts ...CallOption) (*MessageResponse, error) {
	row := opMessagesUploadImage
	if s.c.version == V1 {
		row = opConversationUploadImage
	}
	message.Role = cmp.Or(message.Role, s.c.core.role)
	return one[MessageResponse](ctx, s.c, row.with(userID).upload(image, message), opts)
}

// ListMessages returns one page of a user's messages, at most 100, in the order of their arrival:
// the newest ones, the last before options.Before, the first after options.After, or with
// options.OldestFirst the first of all. It fails with [ErrNotFound] if the user has no conversation
// yet, and with [ErrInvalidArgument] if more than one option is set.
//
//	GET /appusers/{userId}/messages
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) ListMessages(ctx context.Context, userID string, options MessageListOptions, opts ...CallOption) (*MessagePage, error) {
	r := opMessagesList.with(userID).query(options.query())
	if !options.exclusive() {
		r.refuse("options", "have more than one of Before, After and OldestFirst, which exclude each other")
	}
	return one[MessagePage](ctx, s.c, r, opts)
}

// Messages walks a user's messages from the newest, or the last before options.Before, to the
// oldest, asking for the next page when one is used up. With options.OldestFirst it walks from the
// oldest to the newest, with options.After from the first after that instant.
//
// An error is yielded once, last: [ErrNotFound] if the user has no conversation yet. Of several
// messages of one millisecond at the edge of a page the API can leave some out.
//
//	GET /appusers/{userId}/messages
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) Messages(ctx context.Context, userID string, options MessageListOptions, opts ...CallOption) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		forward := options.OldestFirst || !options.After.IsZero()
		for options := options; ; {
			p, err := s.ListMessages(ctx, userID, options, opts...)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range p.Messages {
				if !forward {
					i = len(p.Messages) - 1 - i
				}
				if !yield(&p.Messages[i], nil) {
					return
				}
			}
			next, more := p.following(forward)
			if !more {
				return
			}
			if !options.advance(next, forward) {
				yield(nil, errNoProgress)
				return
			}
		}
	}
}

// DeleteMessage removes one message from the history.
//
//	DELETE /appusers/{userId}/messages/{messageId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) DeleteMessage(ctx context.Context, userID, messageID string, opts ...CallOption) error {
	return exec(ctx, s.c, opMessagesDelete.with(userID, messageID), opts)
}

// DeleteMessages removes a user's whole history, for good. Channels stay linked.
//
//	DELETE /appusers/{userId}/messages
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) DeleteMessages(ctx context.Context, userID string, opts ...CallOption) error {
	return exec(ctx, s.c, opMessagesDeleteAll.with(userID), opts)
}

// PostActivity shows the user that the business is typing, or has read. A missing role is appMaker, the only one that the
// service takes. The answer is the conversation, zero where the service sends none. It fails with [ErrNotFound] if
// the user has no conversation yet.
//
//	POST /appusers/{userId}/conversation/activity
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) PostActivity(ctx context.Context, userID string, activity Activity, opts ...CallOption) (*Conversation, error) {
	if activity.Role == "" {
		activity.Role = RoleAppMaker
	}
	return one[Conversation](ctx, s.c, opConversationActivity.with(userID).json(activity), opts)
}

// ResetUnreadCount sets the conversation's unread count to 0: the user has read. It fails with [ErrNotFound] if the user has no
// conversation yet.
//
//	POST /appusers/{userId}/conversation/read
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) ResetUnreadCount(ctx context.Context, userID string, opts ...CallOption) error {
	return exec(ctx, s.c, opConversationResetUnread.with(userID), opts)
}

// Postback plays a user's tap on the postback action with the id actionID.
//
//	POST /appusers/{userId}/conversation/postback
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: JavaScript client smooch-core 8.11, "conversations.postPostback".
func (s *ConversationsService) Postback(ctx context.Context, userID, actionID string, opts ...CallOption) error {
	return exec(ctx, s.c, opConversationPostback.with(userID).json(map[string]string{"actionId": actionID}), opts)
}

// FindSent gives the message that was sent with [WithSendToken] token, if it arrived after
// since, the caller's time before sending. It fails with [ErrNotFound] if the history does not hold it.
// The service's clock, told by its answers, is allowed for.
//
//	GET /appusers/{userId}/messages
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) FindSent(ctx context.Context, userID, token string, since time.Time, opts ...CallOption) (*Message, error) {
	if token == "" {
		return nil, argumentError(opMessagesList.String(), "token", "is empty")
	}
	sent := sentMessage{client: s.c, userID: userID, token: token, since: since}
	return sent.find(ctx, opts...)
}
