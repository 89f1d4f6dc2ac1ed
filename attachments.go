package smooch

import "context"

// Attachment is a file that was uploaded, for image and file messages.
type Attachment struct {
	MediaURL  string `json:"mediaUrl"`
	MediaType string `json:"mediaType"`
}

// AttachmentAccess says who can read an uploaded file. The set is open.
type AttachmentAccess string

// The kinds of access.
const (
	AttachmentAccessPublic  AttachmentAccess = "public"
	AttachmentAccessPrivate AttachmentAccess = "private" // with a media token only; v1.1
)

// AttachmentOptions are options of [AttachmentsService.Upload]. The zero value is a public file
// that is kept until it is deleted.
type AttachmentOptions struct {
	Access    AttachmentAccess `url:"access" json:"-"`              // default AttachmentAccessPublic
	For       string           `url:"for,omitempty" json:"-"`       // "message": the file is deleted with the user's conversation
	AppUserID string           `url:"appUserId,omitempty" json:"-"` // with For: the user's _id, or
	UserID    string           `url:"userId,omitempty" json:"-"`    // with For: your own id of the user
	Type      string           `url:"-" json:"type,omitempty"`      // a content type that overrides the file's; v1.1
}

// AttachmentsService uploads files and removes them.
type AttachmentsService struct{ c *Client }

// Upload sends a file. Post it with [ImageMessage] or [FileMessage]. It fails with [ErrTooLarge] above
// the service's limit (10 MB in the documentation of 2017) and with [CodeUnsupportedMediaType] for a kind of file that is not allowed.
//
//	POST /attachments
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AttachmentsApi.md
func (s *AttachmentsService) Upload(ctx context.Context, file Upload, options AttachmentOptions, opts ...CallOption) (*Attachment, error) {
	if options.Access == "" {
		options.Access = AttachmentAccessPublic
	}
	return one[Attachment](ctx, s.c, opAttachmentsUpload.with().query(options).upload(file, options), opts)
}

// Delete removes an uploaded file, given by the MediaURL of its upload. Copies in caches may live some minutes longer.
//
//	POST /attachments/remove
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AttachmentsApi.md
func (s *AttachmentsService) Delete(ctx context.Context, mediaURL string, opts ...CallOption) error {
	return exec(ctx, s.c, opAttachmentsRemove.with().json(map[string]string{"mediaUrl": mediaURL}), opts)
}

// CreateMediaToken makes tokens with which private attachments can be read, one for each of
// paths, such as "/apps/{appId}/conversations/{conversationId}". The answer maps paths to tokens, which are valid for
// two hours unless the app's settings say otherwise.
//
//	POST /attachments/token
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source: official guides, "Private Attachments".
func (s *AttachmentsService) CreateMediaToken(ctx context.Context, paths []string, opts ...CallOption) (map[string]string, error) {
	r := opAttachmentsCreateMediaToken.with().json(map[string][]string{"paths": paths})
	if len(paths) == 0 {
		r.refuse("paths", "is empty")
	}
	tokens, err := one[map[string]string](ctx, s.c, r, opts)
	if err != nil {
		return nil, err
	}
	return *tokens, nil
}

// SetCookie exchanges a media token for a browser's cookie, in the answer's header Set-Cookie
// ([WithResponse]). The call carries the media token instead of the client's credential.
//
//	GET /attachments/cookie
//
// Scope: media token.
// Versions: v1.1.
// Source: official guides, "Private Attachments".
func (s *AttachmentsService) SetCookie(ctx context.Context, mediaToken string, opts ...CallOption) error {
	return exec(ctx, s.c, opAttachmentsSetCookie.with().bearerToken(mediaToken), opts)
}
